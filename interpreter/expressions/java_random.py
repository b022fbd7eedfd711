"""The generator of java.util.Random, so that a seed gives the numbers that it gives elsewhere.

Source: https://docs.oracle.com/javase/8/docs/api/java/util/Random.html
"""

from typing import Final

_MULTIPLIER: Final = 0x5DEECE66D
_INCREMENT: Final = 0xB
_MASK: Final = (1 << 48) - 1


class JavaRandom:
    """A 48-bit linear congruential generator; equal seeds give equal sequences."""

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ _MULTIPLIER) & _MASK

    def next_below(self, bound: int) -> int:
        """Return the next integer from 0 up to, without, `bound`, which is from 1 to 2**31 - 1."""
        if bound & (bound - 1) == 0:
            return (bound * self._next_bits(31)) >> 31
        while True:
            bits = self._next_bits(31)
            value = bits % bound
            if bits - value + (bound - 1) < 1 << 31:
                return value

    def _next_bits(self, count: int) -> int:
        self._state = (self._state * _MULTIPLIER + _INCREMENT) & _MASK
        return self._state >> (48 - count)

    def next_fraction(self) -> float:
        """Return the next number from 0 up to, without, 1."""
        high, low = self._next_bits(26), self._next_bits(27)
        return ((high << 27) + low) / (1 << 53)
