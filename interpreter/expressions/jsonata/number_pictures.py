"""Numbers by a picture: `#,##0.00`, `0.0e0`, `01%`.

Source: https://www.w3.org/TR/xpath-functions-31/#formatting-numbers
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, Final

from msgspec import Struct

from stepraft.interpreter.expressions.jsonata.errors import JsonataError
from stepraft.interpreter.expressions.jsonata.integer_pictures import regular_step

_DEFAULTS: Final = {
    "decimal-separator": ".",
    "grouping-separator": ",",
    "exponent-separator": "e",
    "minus-sign": "-",
    "percent": "%",
    "per-mille": "‰",
    "zero-digit": "0",
    "digit": "#",
    "pattern-separator": ";",
}
_PRECISION: Final = Context(prec=400, rounding=ROUND_HALF_EVEN)


class _Symbols:
    """The characters that mean something."""

    def __init__(self, options: dict[str, Any]) -> None:
        chosen = _DEFAULTS | {name: text for name, text in options.items() if name in _DEFAULTS}
        self.decimal = chosen["decimal-separator"]
        self.grouping = chosen["grouping-separator"]
        self.exponent = chosen["exponent-separator"]
        self.minus = chosen["minus-sign"]
        self.percent = chosen["percent"]
        self.per_mille = chosen["per-mille"]
        self.optional = chosen["digit"]
        self.between = chosen["pattern-separator"]
        zero = ord(chosen["zero-digit"])
        self.digits = [chr(zero + digit) for digit in range(10)]

    def is_active(self, character: str) -> bool:
        """Whether a character takes part in showing the number."""
        return character in self.digits or character in (
            self.decimal,
            self.exponent,
            self.grouping,
            self.optional,
        )

    def count_digits(self, part: str) -> int:
        """Return how many digits a part always shows."""
        return sum(character in self.digits for character in part)

    def count_places(self, part: str) -> int:
        """Return how many digits a part may show."""
        return self.count_digits(part) + part.count(self.optional)


class _SubPicture(Struct, frozen=True):
    """A half of a picture, cut into its parts. `exponent`: None where there is none."""

    text: str
    prefix: str
    suffix: str
    active: str
    whole: str
    fraction: str
    exponent: str | None


def format_number(value: float, picture: str, options: dict[str, Any]) -> str:
    """Return a number by a picture. Errors: JsonataError D308x, D309x."""
    symbols = _Symbols(options)
    halves = picture.split(symbols.between)
    if len(halves) > 2:
        raise JsonataError("D3080")
    cut = [_cut(half, symbols) for half in halves]
    for each in cut:
        _check(each, symbols)
    if value >= 0:
        return _shown(value, cut[0], symbols, cut[0].prefix)
    prefix = cut[1].prefix if len(cut) > 1 else symbols.minus + cut[0].prefix
    return _shown(-value, cut[-1], symbols, prefix)


def _cut(text: str, symbols: _Symbols) -> _SubPicture:
    places = [
        at
        for at, character in enumerate(text)
        if symbols.is_active(character) and character != symbols.exponent
    ]
    if not places:
        return _SubPicture(text, "", "", text, "", "", None)
    active = text[places[0] : places[-1] + 1]
    mantissa, mark, exponent = active.partition(symbols.exponent)
    whole, _, fraction = mantissa.partition(symbols.decimal)
    return _SubPicture(
        text=text,
        prefix=text[: places[0]],
        suffix=text[places[-1] + 1 :],
        active=active,
        whole=whole,
        fraction=fraction,
        exponent=exponent if mark else None,
    )


def _check(part: _SubPicture, symbols: _Symbols) -> None:
    """Errors: JsonataError; where several rules are broken, the last one is told."""
    codes = [code for code, is_broken in _rules(part, symbols) if is_broken]
    if codes:
        raise JsonataError(codes[-1])


def _rules(part: _SubPicture, symbols: _Symbols) -> list[tuple[str, bool]]:
    text, whole, fraction, exponent = part.text, part.whole, part.fraction, part.exponent
    percents, per_milles = text.count(symbols.percent), text.count(symbols.per_mille)
    decimal_at, group = text.find(symbols.decimal), symbols.grouping
    beside = (text[max(0, decimal_at - 1) : decimal_at], text[decimal_at + 1 : decimal_at + 2])
    head, _, _ = whole.partition(symbols.optional)
    _, mark, tail = fraction.rpartition(symbols.optional)
    is_passive = [not symbols.is_active(character) for character in part.active]
    return [
        ("D3081", text.count(symbols.decimal) > 1),
        ("D3082", percents > 1),
        ("D3083", per_milles > 1),
        ("D3084", percents > 0 and per_milles > 0),
        ("D3085", symbols.count_places(whole + fraction) == 0),
        ("D3086", any(is_passive)),
        ("D3087", decimal_at >= 0 and group in beside),
        ("D3088", decimal_at < 0 and whole.endswith(group)),
        ("D3089", group * 2 in text),
        ("D3090", symbols.optional in whole and symbols.count_digits(head) > 0),
        ("D3091", bool(mark) and symbols.count_digits(tail) > 0),
        ("D3092", exponent is not None and percents + per_milles > 0),
        (
            "D3093",
            exponent is not None
            and (not exponent or symbols.count_digits(exponent) < len(exponent)),
        ),
    ]


class _Sizes:
    """How many digits each part shows, at least and at most."""

    def __init__(self, part: _SubPicture, symbols: _Symbols) -> None:
        self.whole_min = self.scale = symbols.count_digits(part.whole)
        self.fraction_min = symbols.count_digits(part.fraction)
        self.fraction_max = symbols.count_places(part.fraction)
        has_exponent = part.exponent is not None
        if self.whole_min == 0 and self.fraction_max == 0:
            if has_exponent:
                self.fraction_min = self.fraction_max = 1
            else:
                self.whole_min = 1
        if has_exponent and self.whole_min == 0 and symbols.optional in part.whole:
            self.whole_min = 1
        if self.whole_min == 0 and self.fraction_min == 0:
            self.fraction_min = 1


def _shown(value: float, part: _SubPicture, symbols: _Symbols, prefix: str) -> str:
    sizes = _Sizes(part, symbols)
    exact = Decimal(repr(value))
    if symbols.percent in part.text:
        exact *= 100
    elif symbols.per_mille in part.text:
        exact *= 1000
    power = 0
    if part.exponent is not None and exact:
        power = exact.adjusted() + 1 - sizes.scale
        exact = exact.scaleb(-power)
    rounded = exact.quantize(Decimal(1).scaleb(-sizes.fraction_max), context=_PRECISION)
    whole, _, fraction = f"{rounded:f}".partition(".")
    whole = whole.lstrip("0").rjust(sizes.whole_min, "0")
    fraction = fraction.rstrip("0").ljust(sizes.fraction_min, "0")
    shown = _grouped_whole(whole, part, symbols)
    if fraction:
        shown += symbols.decimal + _grouped_fraction(fraction, part, symbols)
    if part.exponent is not None:
        digits = str(abs(power)).rjust(len(part.exponent), "0")
        shown += symbols.exponent + (symbols.minus if power < 0 else "") + digits
    return prefix + _in_family(shown, symbols) + part.suffix


def _in_family(text: str, symbols: _Symbols) -> str:
    if symbols.digits[0] == "0":
        return text
    return "".join(symbols.digits[int(each)] if each in "0123456789" else each for each in text)


def _grouped_whole(digits: str, part: _SubPicture, symbols: _Symbols) -> str:
    pieces = part.whole.split(symbols.grouping)
    places = [symbols.count_places("".join(pieces[after:])) for after in range(1, len(pieces))]
    step = regular_step(places)
    if step:
        places = list(range(step, len(digits), step))
    shown, end = "", len(digits)
    for place in sorted(places):
        at = len(digits) - place
        if at > 0:
            shown = symbols.grouping + digits[at:end] + shown
            end = at
    return digits[:end] + shown


def _grouped_fraction(digits: str, part: _SubPicture, symbols: _Symbols) -> str:
    pieces = part.fraction.split(symbols.grouping)
    shown, at = "", 0
    for piece in pieces[:-1]:
        size = symbols.count_places(piece)
        if at + size >= len(digits):
            break
        shown += digits[at : at + size] + symbols.grouping
        at += size
    return shown + digits[at:]
