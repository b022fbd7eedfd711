"""Whole numbers by a picture: `0001`, `#,##0`, `I`, `a`, `Ww`, `1;o`.

Source: https://www.w3.org/TR/xpath-functions-31/#formatting-integers
"""

import math
import re
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from stepraft.interpreter.expressions.jsonata import number_words
from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Value, number

Kind: TypeAlias = Literal["decimal", "letters", "roman", "words"]
Case: TypeAlias = Literal["lower", "upper", "title"]

_ZEROS: Final = (
    *(0x30, 0x660, 0x6F0, 0x7C0, 0x966, 0x9E6, 0xA66, 0xAE6, 0xB66, 0xBE6, 0xC66, 0xCE6, 0xD66),
    *(0xDE6, 0xE50, 0xED0, 0xF20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90),
    *(0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0),
    0xFF10,
)
"""The zero of each family of decimal digits."""

_ROMAN: Final = (
    *((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l")),
    *((40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")),
)
_ROMAN_MAX: Final = 1_000_000
_SUFFIXES: Final = {"1": "st", "2": "nd", "3": "rd"}
_TOKENS: Final[dict[str, tuple[Kind, Case]]] = {
    "A": ("letters", "upper"),
    "a": ("letters", "lower"),
    "I": ("roman", "upper"),
    "i": ("roman", "lower"),
    "W": ("words", "upper"),
    "w": ("words", "lower"),
    "Ww": ("words", "title"),
}


class Separator(Struct, frozen=True):
    """A grouping character, `position` digits from the right."""

    position: int
    character: str


class IntegerPicture(Struct, frozen=True):
    """An analysed picture. `repeats`: the one separator stands after every so many digits."""

    kind: Kind
    case: Case = "lower"
    is_ordinal: bool = False
    zero: int = 0x30
    digits_min: int = 0
    digits_optional: int = 0
    separators: tuple[Separator, ...] = ()
    repeats: bool = False


def analyse(picture: str) -> IntegerPicture:
    """Read a picture. Errors: JsonataError D3130, D3131."""
    primary, semicolon, modifier = picture.rpartition(";")
    if not semicolon:
        primary, modifier = picture, ""
    is_ordinal = modifier.startswith("o")
    if primary in _TOKENS:
        kind, case = _TOKENS[primary]
        return IntegerPicture(kind=kind, case=case, is_ordinal=is_ordinal)
    return _decimal(primary, is_ordinal=is_ordinal)


def _decimal(primary: str, *, is_ordinal: bool) -> IntegerPicture:
    mandatory = optional = 0
    zero = None
    separators: list[Separator] = []
    for character in reversed(primary):
        family = _family_of(character)
        if family is not None:
            if zero not in (None, family):
                raise JsonataError("D3131")
            zero = family
            mandatory += 1
        elif character == "#":
            optional += 1
        else:
            separators.append(Separator(mandatory + optional, character))
    if zero is None:
        raise JsonataError("D3130", value=primary)
    step = regular_step([each.position for each in separators])
    repeats = step > 0 and len({each.character for each in separators}) == 1
    return IntegerPicture(
        kind="decimal",
        is_ordinal=is_ordinal,
        zero=zero,
        digits_min=mandatory,
        digits_optional=optional,
        separators=(Separator(step, separators[0].character),) if repeats else tuple(separators),
        repeats=repeats,
    )


def _family_of(character: str) -> int | None:
    code = ord(character)
    return next((zero for zero in _ZEROS if zero <= code <= zero + 9), None)


def regular_step(positions: list[int]) -> int:
    """Return the distance of positions that are all its multiples, from the first on; else 0."""
    step = math.gcd(*positions) if positions else 0
    return step if all(step * place in positions for place in range(1, len(positions) + 1)) else 0


def format_integer(value: float, picture: str) -> str:
    """Return a number, its fraction cut off, by a picture. Errors: JsonataError D313x."""
    return formatted(math.floor(value), analyse(picture))


def formatted(value: int, picture: IntegerPicture) -> str:
    """Return a number by an analysed picture."""
    sign = "-" if value < 0 else ""
    return sign + _magnitude(abs(value), picture)


def _magnitude(value: int, picture: IntegerPicture) -> str:
    match picture.kind:
        case "letters":
            return _cased(_letters(value), picture.case)
        case "roman":
            return _cased(_roman(value), picture.case)
        case "words":
            words = number_words.words(float(value), is_ordinal=picture.is_ordinal)
            return _cased(words, picture.case)
        case "decimal":
            return _digits(value, picture)


def _digits(value: int, picture: IntegerPicture) -> str:
    plain = str(value).rjust(picture.digits_min, "0")
    digits = "".join(chr(ord(digit) - 0x30 + picture.zero) for digit in plain)
    for separator in _all_separators(picture, len(digits)):
        at = len(plain) - separator.position
        if at > 0:
            digits = digits[:at] + separator.character + digits[at:]
    return digits + (_suffix(plain) if picture.is_ordinal else "")


def _all_separators(picture: IntegerPicture, length: int) -> list[Separator]:
    """Return the separators of so many digits, from the right end on."""
    if not picture.repeats:
        return sorted(picture.separators, key=lambda each: each.position)
    (each,) = picture.separators
    return [Separator(at, each.character) for at in range(each.position, length, each.position)]


def _suffix(digits: str) -> str:
    is_teen = len(digits) > 1 and digits[-2] == "1"
    return "th" if is_teen else _SUFFIXES.get(digits[-1], "th")


def _cased(text: str, case: Case) -> str:
    if case == "title":
        return text
    return text.upper() if case == "upper" else text.lower()


def _letters(value: int) -> str:
    letters = ""
    while value > 0:
        value, letter = divmod(value - 1, 26)
        letters = chr(ord("a") + letter) + letters
    return letters


def _roman(value: int) -> str:
    if value > _ROMAN_MAX:
        raise JsonataError("D3130", value="I")
    letters = ""
    for worth, text in _ROMAN:
        count, value = divmod(value, worth)
        letters += text * count
    return letters


# Reading


def parse_integer(text: str, picture: str) -> Value:
    """Return the number that a text shows by a picture; UNDEFINED when it shows none.

    Errors: JsonataError D313x.
    """
    return parsed(text, analyse(picture))


def pattern_of(picture: IntegerPicture, width: int | None = None) -> str:
    """Return the regular expression of texts that a picture makes; `width`: of so many digits."""
    match picture.kind:
        case "letters":
            return "[A-Z]+" if picture.case == "upper" else "[a-z]+"
        case "roman":
            return "[IVXLCDM]+" if picture.case == "upper" else "[ivxlcdm]+"
        case "words":
            return number_words.PATTERN
        case "decimal":
            return _digits_pattern(picture, width)


def _digits_pattern(picture: IntegerPicture, width: int | None) -> str:
    digits = f"{chr(picture.zero)}-{chr(picture.zero + 9)}"
    marks = "".join(re.escape(each.character) for each in picture.separators)
    count = f"{{{width}}}" if width else "+"
    return f"[{digits}{marks}]{count}" + ("(?:th|st|nd|rd)" if picture.is_ordinal else "")


def parsed(text: str, picture: IntegerPicture) -> Value:
    """Return the number that a text shows by an analysed picture."""
    match picture.kind:
        case "letters":
            return _from_letters(text.lower())
        case "roman":
            return _from_roman(text.lower())
        case "words":
            return number_words.parsed(text.lower())
        case "decimal":
            return _from_digits(text, picture)


def _from_digits(text: str, picture: IntegerPicture) -> Value:
    digits = text[:-2] if picture.is_ordinal else text
    for separator in picture.separators:
        digits = digits.replace(separator.character, "")
    plain = "".join(chr(ord(each) - picture.zero + 0x30) for each in digits)
    return number(int(plain)) if plain.isdecimal() and len(plain) <= 400 else UNDEFINED


def _from_letters(text: str) -> Value:
    value = 0
    for letter in text:
        value = value * 26 + ord(letter) - ord("a") + 1
    return number(value)


def _from_roman(text: str) -> Value:
    worths = {letters: worth for worth, letters in _ROMAN if len(letters) == 1}
    value = highest = 0
    for letter in reversed(text):
        worth = worths.get(letter)
        if worth is None:
            return UNDEFINED
        value += -worth if worth < highest else worth
        highest = max(highest, worth)
    return value
