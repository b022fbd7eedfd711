"""The signatures of functions, like `<s-nn?:s>`: which arguments fit, and what is put in for one
that is left out.

Source: https://docs.jsonata.org/programming#function-signatures
"""

import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Function, Value, is_number

_ANY: Final = "asnblfo"
_CLASSES: Final = {
    "s": "[sm]",
    "n": "[nm]",
    "b": "[bm]",
    "l": "[lm]",
    "o": "[om]",
    "a": f"[{_ANY}m]",
    "f": "f",
    "j": "[asnblom]",
    "x": f"[{_ANY}m]",
}
_ITEM_NAMES: Final = {
    "a": "arrays",
    "b": "booleans",
    "f": "functions",
    "n": "numbers",
    "o": "objects",
    "s": "strings",
}


class _Parameter(Struct):
    kind: str
    pattern: str
    item_kind: str = ""
    takes_context: bool = False
    context_pattern: str = ""


class Signature:
    """A compiled signature."""

    __slots__ = ("_name", "_parameters", "_whole")

    def __init__(self, parameters: list[_Parameter], name: str) -> None:
        self._parameters = parameters
        self._name = name
        self._whole = re.compile("".join(f"({each.pattern})" for each in parameters))

    @property
    def arity(self) -> int:
        """How many parameters there are."""
        return len(self._parameters)

    def fit(self, arguments: list[Value], context: Value) -> list[Value]:
        """Return the arguments as the function takes them. Errors: JsonataError T041x."""
        kinds = "".join(map(_kind_of, arguments))
        found = self._whole.fullmatch(kinds)
        if found is None:
            raise JsonataError("T0410", index=self._misfit(kinds), token=self._name)
        fitted: list[Value] = []
        at = 0
        for number, parameter in enumerate(self._parameters, start=1):
            taken = found[number]
            if not taken and parameter.takes_context:
                fitted.append(self._context(parameter, context, at))
                continue
            if not taken:
                # The argument in its place is passed on, whatever it is.
                fitted.append(arguments[at] if at < len(arguments) else UNDEFINED)
                at += 1
                continue
            for kind in taken:
                argument = arguments[at] if at < len(arguments) else UNDEFINED
                fitted.append(self._one(parameter, kind, taken, argument, at))
                at += 1
        return fitted

    def _context(self, parameter: _Parameter, context: Value, at: int) -> Value:
        if re.fullmatch(parameter.context_pattern, _kind_of(context)) is None:
            raise JsonataError("T0411", index=at + 1, token=self._name)
        return context

    def _one(self, parameter: _Parameter, kind: str, taken: str, argument: Value, at: int) -> Value:
        if parameter.kind != "a":
            return argument
        if kind == "m":
            return UNDEFINED
        if parameter.item_kind and not _holds(argument, kind, taken, parameter.item_kind):
            name = _ITEM_NAMES.get(parameter.item_kind, "values")
            raise JsonataError("T0412", index=at + 1, token=self._name, value=name)
        return argument if kind == "a" else [argument]

    def _misfit(self, kinds: str) -> int:
        """Return the number of the first argument that does not fit."""
        pattern = ""
        for parameter in self._parameters:
            longer = pattern + parameter.pattern
            found = re.match(longer, kinds)
            if found is None:
                before = re.match(pattern, kinds)
                return (before.end() if before else 0) + 1
            pattern = longer
        found = re.match(pattern, kinds)
        return (found.end() if found else 0) + 1


def _holds(argument: Value, kind: str, taken: str, item_kind: str) -> bool:
    if kind != "a":
        return taken == item_kind
    return all(_kind_of(item) == item_kind for item in argument)


def _kind_of(value: Value) -> str:
    if isinstance(value, str):
        return "s"
    if isinstance(value, bool):
        return "b"
    if is_number(value):
        return "n"
    if value is None:
        return "l"
    if value is UNDEFINED:
        return "m"
    if isinstance(value, list):
        return "a"
    return "f" if isinstance(value, Function) else "o"


@lru_cache(maxsize=512)
def parse_signature(text: str, name: str) -> Signature:
    """Return the signature in `text`, `<…>`. Errors: JsonataError S040x."""
    parameters: list[_Parameter] = []
    at = 1
    while at < len(text) - 1 and text[at] != ":":
        at = _parameter(text, at, parameters)
    return Signature(parameters, name)


def _parameter(text: str, at: int, parameters: list[_Parameter]) -> int:
    """Read what is at `at`; return where the text goes on."""
    symbol = text[at]
    if symbol in _CLASSES:
        parameters.append(_Parameter(kind=symbol, pattern=_CLASSES[symbol]))
        return at + 1
    if symbol == "u":
        parameters.append(_Parameter(kind="u", pattern="[bnslm]"))
        return at + 1
    if symbol == "(":
        end = _closing(text, at, "(", ")")
        choice = text[at + 1 : end]
        if "<" in choice:
            raise JsonataError("S0402", value=choice)
        parameters.append(_Parameter(kind="(", pattern=f"[{_widened(choice)}m]"))
        return end + 1
    if not parameters:
        raise JsonataError("S0403", value=text)
    return _modifier(text, at, parameters[-1])


def _modifier(text: str, at: int, last: _Parameter) -> int:
    symbol = text[at]
    if symbol == "-":
        last.takes_context = True
        last.context_pattern = last.pattern
        last.pattern += "?"
        return at + 1
    if symbol in "?+":
        last.pattern += symbol
        return at + 1
    if symbol != "<":
        raise JsonataError("S0403", value=text)
    if last.kind not in "af":
        raise JsonataError("S0401", value=last.kind)
    end = _closing(text, at, "<", ">")
    last.item_kind = text[at + 1] if last.kind == "a" else ""
    return end + 1


def _widened(choice: str) -> str:
    return choice.replace("x", _ANY).replace("j", "asnblo").replace("u", "bnsl")


def _closing(text: str, start: int, opening: str, closing: str) -> int:
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == opening) - (text[at] == closing)
        if depth == 0:
            return at
    raise JsonataError("S0403", value=text)
