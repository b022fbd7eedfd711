"""What a change makes of a membership, and which rules are against it."""

from collections.abc import Callable
from typing import Final

from stepraft.server.raft.membership import (
    AddMember,
    Change,
    Member,
    Membership,
    RemoveMember,
    Standing,
    UpdateMember,
)
from stepraft.server.raft.settings import split_address

MEMBERSHIP_BYTES_MAX: Final = 1600
"""The head of a journal segment holds two memberships."""

CheckAddress = Callable[[str, str], None]
"""Whether a node may be reached at an address (field, address). Errors: ValueError."""


class Refusal(Exception):
    """A change that must not be made; the text names the field and the rule."""


def apply(change: Change, membership: Membership, check_address: CheckAddress) -> Membership:
    """The membership after `change`; the same one when there is nothing to do. Errors: Refusal."""
    match change:
        case AddMember():
            return _checked(change, membership, _add(change, membership), check_address)
        case RemoveMember():
            return _remove(change, membership)
        case UpdateMember():
            return _checked(change, membership, _update(change, membership), check_address)


def _add(change: AddMember, membership: Membership) -> Membership:
    if not change.node_id:
        raise Refusal("node_id: must not be empty")
    present = membership.members.get(change.node_id)
    if present is None:
        added = Member(change.raft, change.grpc, Standing.LEARNER)
        return membership.with_member(change.node_id, added)
    if (present.raft, present.grpc) != (change.raft, change.grpc):
        raise Refusal(
            f"node_id: {change.node_id} is a member already, at {present.raft}: update it instead"
        )
    return membership


def _remove(change: RemoveMember, membership: Membership) -> Membership:
    remaining = membership.without(change.node_id)
    if not remaining.voters:
        raise Refusal(f"node_id: {change.node_id} is the only voter")
    return remaining


def _update(change: UpdateMember, membership: Membership) -> Membership:
    present = membership.members.get(change.node_id)
    if present is None:
        raise Refusal(f"node_id: {change.node_id} is no member")
    updated = Member(change.raft, change.grpc, present.standing)
    return membership.with_member(change.node_id, updated)


def _checked(
    change: AddMember | UpdateMember,
    before: Membership,
    after: Membership,
    check_address: CheckAddress,
) -> Membership:
    """`after`, if its new addresses are good. Errors: Refusal."""
    if after != before:
        _check_address("raft", change.raft, change.node_id, before)
        _check_address("grpc", change.grpc, change.node_id, before)
        try:
            check_address("raft", change.raft)
        except ValueError as error:
            raise Refusal(str(error)) from error
        _check_size(after)
    return after


def _check_address(field: str, address: str, node_id: str, membership: Membership) -> None:
    try:
        split_address(address, field)
    except ValueError as error:
        raise Refusal(str(error)) from error
    for other_id, member in sorted(membership.members.items()):
        if other_id != node_id and address in (member.raft, member.grpc):
            raise Refusal(f"{field}: {address} is an address of {other_id}")


def _check_size(membership: Membership) -> None:
    size = len(membership.encode())
    if size > MEMBERSHIP_BYTES_MAX:
        raise Refusal(
            f"the members with their addresses take {size} bytes, "
            f"the limit is {MEMBERSHIP_BYTES_MAX}"
        )
