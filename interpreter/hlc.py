"""Hybrid logical clock stamps: 48 bits of Unix milliseconds, then 16 logical bits, in one unsigned
64-bit integer.

Stamps sort by time, are unique within a partition, and never go back: a stamp is above every stamp
observed before it, whatever the wall clock says.

Source: Kulkarni et al., "Logical Physical Clocks", 2014.
"""

LOGICAL_BITS = 16
STAMP_MAX = (1 << 64) - 1


def stamp_of(physical_ms: int) -> int:
    """Return the lowest stamp of a millisecond."""
    return physical_ms << LOGICAL_BITS


def physical_ms(stamp: int) -> int:
    """Return the Unix milliseconds of a stamp."""
    return stamp >> LOGICAL_BITS


def next_stamp(last: int, now_ms: int) -> int:
    """Return the stamp after `last` at wall time `now_ms`; 65,536 stamps in one millisecond carry
    into the next.
    """
    return max(last + 1, stamp_of(now_ms))


def to_hex(stamp: int) -> str:
    """Return a stamp as 16 hex digits, whose text order is the order of the stamps."""
    return f"{stamp:016x}"
