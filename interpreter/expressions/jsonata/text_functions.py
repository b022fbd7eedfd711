"""The functions on strings.

Source: https://docs.jsonata.org/string-functions
"""

import base64
import binascii
import re
from typing import Any, Final
from urllib.parse import quote, unquote_to_bytes

from stepraft.interpreter.expressions.jsonata.calls import apply
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.frames import Run
from stepraft.interpreter.expressions.jsonata.library import Definition
from stepraft.interpreter.expressions.jsonata.numerals import text_of
from stepraft.interpreter.expressions.jsonata.regexes import Match, matches
from stepraft.interpreter.expressions.jsonata.values import (
    UNDEFINED,
    Function,
    Sequence,
    Value,
)

_COMPONENT_SAFE: Final = "-_.!~*'()"
_URL_SAFE: Final = ";/?:@&=+$,#" + _COMPONENT_SAFE
_BAD_PERCENT: Final = re.compile(r"%(?![0-9a-fA-F]{2})")
_BLANKS: Final = re.compile(r"[ \t\n\r]+")
_REFERENCE: Final = re.compile(r"\$(\$|[0-9]+)?")


def _string(run: Run, value: Value, prettify: Value = UNDEFINED) -> Value:
    if value is UNDEFINED:
        return UNDEFINED
    return text_of(run, value, pretty=prettify is True)


def _substring(run: Run, text: Value, start: Value, length: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    begin = int(start)
    if begin < -len(text):
        begin = 0
    if length is UNDEFINED:
        return text[begin:]
    if length <= 0:
        return ""
    begin = begin if begin >= 0 else len(text) + begin
    return text[begin : begin + int(length)]


def _substring_before(run: Run, text: Value, mark: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    at = text.find(mark) if mark is not UNDEFINED else -1
    return text if at < 0 else text[:at]


def _substring_after(run: Run, text: Value, mark: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    at = text.find(mark) if mark is not UNDEFINED else -1
    return text if at < 0 else text[at + len(mark) :]


def _lowercase(run: Run, text: Value) -> Value:
    return UNDEFINED if text is UNDEFINED else text.lower()


def _uppercase(run: Run, text: Value) -> Value:
    return UNDEFINED if text is UNDEFINED else text.upper()


def _length(run: Run, text: Value) -> Value:
    return UNDEFINED if text is UNDEFINED else len(text)


def _trim(run: Run, text: Value) -> Value:
    return UNDEFINED if text is UNDEFINED else _BLANKS.sub(" ", text).strip(" ")


def _pad(run: Run, text: Value, width: Value, filler: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    run.spend_on_text(abs(int(width)))
    missing = abs(int(width)) - len(text)
    if missing <= 0:
        return text
    pattern = filler if isinstance(filler, str) and filler else " "
    padding = (pattern * (missing // len(pattern) + 1))[:missing]
    return text + padding if width > 0 else padding + text


def _contains(run: Run, text: Value, token: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    if isinstance(token, str):
        return token in text
    return any(True for _ in matches(run, token, text, "contains"))


def _match(run: Run, text: Value, pattern: Value, limit: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError("D3040", value=limit)
    found = Sequence()
    if limit is UNDEFINED or limit > 0:
        for each in matches(run, pattern, text, "match"):
            found.append({"match": each.text, "index": each.start, "groups": each.groups})
            if limit is not UNDEFINED and len(found) >= limit:
                break
    return found


def _split(run: Run, text: Value, separator: Value, limit: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError("D3020", value=limit)
    run.spend(1 + (len(text) >> 4))
    most = None if limit is UNDEFINED else int(limit)
    if isinstance(separator, str):
        return (text.split(separator) if separator else list(text))[:most]
    parts: list[str] = []
    at = 0
    for each in matches(run, separator, text, "split"):
        if most is not None and len(parts) >= most:
            break
        parts.append(text[at : each.start])
        at = each.end
    return [*parts, text[at:]][:most]


def _join(run: Run, parts: Value, separator: Value) -> Value:
    if parts is UNDEFINED:
        return UNDEFINED
    between = "" if separator is UNDEFINED else separator
    run.spend_on_text(sum(map(len, parts)) + len(between) * len(parts))
    return between.join(parts)


def _replace(run: Run, text: Value, pattern: Value, replacement: Value, limit: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    if pattern == "":
        raise JsonataError("D3010")
    if limit is not UNDEFINED and limit < 0:
        raise JsonataError("D3011", value=limit)
    parts: list[str] = []
    at, count, length = 0, 0, 0
    for each in _places(run, text, pattern):
        if limit is not UNDEFINED and count >= limit:
            break
        new = _replaced(run, each, replacement, is_literal=isinstance(pattern, str))
        length += len(new) + each.start - at
        run.spend_on_text(length)
        parts += (text[at : each.start], new)
        at, count = each.end, count + 1
    return "".join((*parts, text[at:]))


def _places(run: Run, text: str, pattern: Value) -> Any:
    if not isinstance(pattern, str):
        yield from matches(run, pattern, text, "replace")
        return
    at = text.find(pattern)
    while at >= 0:
        run.spend(1)
        yield Match(pattern, at, at + len(pattern), [])
        at = text.find(pattern, at + len(pattern))


def _replaced(run: Run, match: Match, replacement: Value, *, is_literal: bool) -> str:
    if isinstance(replacement, Function):
        told = {
            "match": match.text,
            "start": match.start,
            "end": match.end,
            "groups": match.groups,
        }
        made = apply(run, replacement, [told])
        if not isinstance(made, str):
            raise JsonataError("D3012", value=made)
        return made
    if is_literal:
        return str(replacement)
    return _REFERENCE.sub(lambda reference: _referred(reference[1], match), replacement)


def _referred(reference: str | None, match: Match) -> str:
    """Return what `$1` stands for: digits are taken as far as there are groups of that number."""
    if reference is None or reference == "$":
        return "$"
    count = len(match.groups)
    digits = reference
    while len(digits) > 1 and int(digits) > count:
        digits = digits[:-1]
    index = int(digits)
    rest = reference[len(digits) :]
    if index == 0:
        return match.text + rest
    return (match.groups[index - 1] if index <= count else "") + rest


def _base64encode(run: Run, text: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()


def _base64decode(run: Run, text: Value) -> Value:
    if text is UNDEFINED:
        return UNDEFINED
    try:
        padded = text + "=" * (-len(text) % 4)
        return base64.b64decode(padded).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return ""


def _encoder(name: str, safe: str) -> Any:
    def encode(run: Run, text: Value) -> Value:
        if text is UNDEFINED:
            return UNDEFINED
        run.spend_on_text(3 * len(text))
        try:
            return quote(text, safe=safe)
        except UnicodeEncodeError:
            raise JsonataError("D3140", token=name, value=text.encode("unicode_escape")) from None

    return encode


def _decoder(name: str, *, keeps: str) -> Any:
    def decode(run: Run, text: Value) -> Value:
        if text is UNDEFINED:
            return UNDEFINED
        if _BAD_PERCENT.search(text) is not None:
            raise JsonataError("D3140", token=name, value=text)
        shielded = re.sub(
            "%([0-9a-fA-F]{2})",
            lambda code: f"%25{code[1]}" if chr(int(code[1], 16)) in keeps else code[0],
            text,
        )
        try:
            return unquote_to_bytes(shielded).decode()
        except UnicodeDecodeError:
            raise JsonataError("D3140", token=name, value=text) from None

    return decode


FUNCTIONS: Final[dict[str, Definition]] = {
    "string": ("<x-b?:s>", _string, 1),
    "substring": ("<s-nn?:s>", _substring, 3),
    "substringBefore": ("<s-s:s>", _substring_before, 2),
    "substringAfter": ("<s-s:s>", _substring_after, 2),
    "lowercase": ("<s-:s>", _lowercase, 1),
    "uppercase": ("<s-:s>", _uppercase, 1),
    "length": ("<s-:n>", _length, 1),
    "trim": ("<s-:s>", _trim, 1),
    "pad": ("<s-ns?:s>", _pad, 3),
    "contains": ("<s-(sf):b>", _contains, 2),
    "match": ("<s-f<s:o>n?:a<o>>", _match, 3),
    "split": ("<s-(sf)n?:a<s>>", _split, 3),
    "join": ("<a<s>s?:s>", _join, 2),
    "replace": ("<s-(sf)(sf)n?:s>", _replace, 4),
    "base64encode": ("<s-:s>", _base64encode, 1),
    "base64decode": ("<s-:s>", _base64decode, 1),
    "encodeUrlComponent": ("<s-:s>", _encoder("encodeUrlComponent", _COMPONENT_SAFE), 1),
    "encodeUrl": ("<s-:s>", _encoder("encodeUrl", _URL_SAFE), 1),
    "decodeUrlComponent": ("<s-:s>", _decoder("decodeUrlComponent", keeps=""), 1),
    "decodeUrl": ("<s-:s>", _decoder("decodeUrl", keeps=";/?:@&=+$,#"), 1),
}
"""Signature, implementation and how many arguments it looks at, by name."""
