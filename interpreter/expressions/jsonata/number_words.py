"""Numbers in English words: forty-two, Forty-Second."""

import math
import re
from typing import Final

from stepraft.interpreter.expressions.jsonata.values import UNDEFINED, Value, number

_FEW: Final = [
    "Zero",
    "One",
    "Two",
    "Three",
    "Four",
    "Five",
    "Six",
    "Seven",
    "Eight",
    "Nine",
    "Ten",
    "Eleven",
    "Twelve",
    "Thirteen",
    "Fourteen",
    "Fifteen",
    "Sixteen",
    "Seventeen",
    "Eighteen",
    "Nineteen",
]
_ORDINALS: Final = [
    "Zeroth",
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
    "Eleventh",
    "Twelfth",
    "Thirteenth",
    "Fourteenth",
    "Fifteenth",
    "Sixteenth",
    "Seventeenth",
    "Eighteenth",
    "Nineteenth",
]
_TENS: Final = ["Twenty", "Thirty", "Forty", "Fifty", "Sixty", "Seventy", "Eighty", "Ninety"]
_MAGNITUDES: Final = ["Thousand", "Million", "Billion", "Trillion"]


def _worths() -> dict[str, int]:
    worths = {word.lower(): value for value, word in enumerate(_FEW)}
    worths |= {word.lower(): value for value, word in enumerate(_ORDINALS)}
    for value, word in enumerate(_TENS, start=2):
        worths[word.lower()] = worths[f"{word[:-1].lower()}ieth"] = value * 10
    worths["hundred"] = worths["hundredth"] = 100
    for power, word in enumerate(_MAGNITUDES, start=1):
        worths[word.lower()] = worths[f"{word.lower()}th"] = 1000**power
    return worths


_WORTHS: Final = _worths()
_BETWEEN: Final = re.compile(r",\s|\sand\s|[\s\-]")
PATTERN: Final = f"(?i:(?:{'|'.join(sorted(_WORTHS, key=len, reverse=True))}|and|[\\-, ])+)"
"""The regular expression of numbers in words."""


def words(value: float, *, is_ordinal: bool) -> str:
    """Return a number in words, each with a capital."""
    return _words(value, is_continued=False, is_ordinal=is_ordinal)


def _words(value: float, *, is_continued: bool, is_ordinal: bool) -> str:
    if value < 20:
        return (" and " if is_continued else "") + (_ORDINALS if is_ordinal else _FEW)[int(value)]
    if value < 100:
        return (" and " if is_continued else "") + _below_hundred(int(value), is_ordinal=is_ordinal)
    if value < 1000:
        count, name, worth = value // 100, "Hundred", 100.0
    else:
        power = min(math.floor(math.log10(value) / 3), len(_MAGNITUDES))
        name, worth = _MAGNITUDES[power - 1], 1000.0**power
        count = float(math.floor(value / worth))
    head = _words(count, is_continued=False, is_ordinal=False)
    text = f"{', ' if is_continued else ''}{head} {name}"
    rest = value - count * worth
    if rest > 0:
        return text + _words(rest, is_continued=True, is_ordinal=is_ordinal)
    return f"{text}th" if is_ordinal else text


def _below_hundred(value: int, *, is_ordinal: bool) -> str:
    tens, ones = divmod(value, 10)
    text = _TENS[tens - 2]
    if ones:
        return f"{text}-{(_ORDINALS if is_ordinal else _FEW)[ones]}"
    return f"{text[:-1]}ieth" if is_ordinal else text


def parsed(text: str) -> Value:
    """Return the number in lower-case words; UNDEFINED when a word is no number."""
    segments = [0]
    for word in _BETWEEN.split(text):
        worth = _WORTHS.get(word)
        if worth is None:
            return UNDEFINED
        last = segments.pop()
        if worth < 100:
            segments += [last, worth] if last >= 1000 else [last + worth]
        else:
            segments.append(last * worth)
    return number(sum(segments))
