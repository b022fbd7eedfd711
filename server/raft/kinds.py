"""What an entry of the log is, by its first byte."""

from typing import Final

from stepraft.server.raft.membership import Membership

REGULAR: Final = b"\0"
"""The rest is a proposal, for the machine."""

NO_OP: Final = b"\1"
"""Nothing: a term begins, or a leader needs an entry to count by."""

MEMBERSHIP: Final = b"\2"
"""The rest is a membership, which counts from the moment that it is in a log."""


def is_known(data: bytes) -> bool:
    """Whether an entry is of one of these kinds, and a membership one that can be read."""
    if data[:1] == MEMBERSHIP:
        return Membership.is_valid(data[1:])
    return data == NO_OP or data[:1] == REGULAR
