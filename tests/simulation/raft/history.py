"""What all nodes together did, and whether that is allowed."""

from collections.abc import Callable

from msgspec import Struct, field

from stepraft.server.raft.contract import ProposalKind, ProposalResult, Role, RoleKind
from stepraft.server.raft.membership import ChangeKind, ChangeResult, Membership, RemoveMember
from stepraft.server.raft.requests import Request, Transfer


class Violation(Exception):
    """The group broke a promise."""


class Proposal(Struct):
    """One proposal and its answer, None until it comes; `is_orphan` once its node has crashed."""

    entry: bytes
    node_id: str
    result: ProposalResult | None = None
    is_orphan: bool = False

    @property
    def is_applied(self) -> bool:
        return self.result is not None and self.result.kind is ProposalKind.APPLIED


class Asked(Struct):
    """One request of an administrator and its answer, as with a proposal."""

    request: Request
    node_id: str
    result: ChangeResult | None = None
    is_orphan: bool = False


class History(Struct):
    """`log` is what was applied at each index, by whomever first: (term, entry); `memberships` are
    the entries of it that name the members.
    """

    log: dict[int, tuple[int, bytes]] = field(default_factory=dict)
    memberships: dict[int, bytes] = field(default_factory=dict)
    proposals: list[Proposal] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    leaders: dict[int, str] = field(default_factory=dict)
    acknowledged_index: int = 0
    barriers: int = 0

    def on_applied(self, node_id: str, index: int, term: int, entry: bytes) -> None:
        """State machine safety: no two nodes apply different entries at one index."""
        first = self.log.setdefault(index, (term, entry))
        if first != (term, entry):
            raise Violation(
                f"SAFETY: {node_id} applied {(term, entry)} at {index}, another {first}"
            )

    def on_membership(self, index: int, data: bytes) -> None:
        """Voters change one at a time, so that majorities always have a node in common."""
        self.memberships[index] = data
        before = max((i for i in self.memberships if i < index), default=None)
        if before is not None:
            old = set(Membership.decode(self.memberships[before]).voters)
            new = set(Membership.decode(data).voters)
            if len(old ^ new) > 1:
                raise Violation(f"MEMBERS: voters go from {sorted(old)} to {sorted(new)} at once")

    def on_removed(self, node_id: str) -> None:
        """Who stops because it was removed is in no newer membership than that."""
        newest = self.memberships[max(self.memberships)]
        if node_id in Membership.decode(newest).members:
            raise Violation(f"REMOVED: {node_id} stops, and is a member")

    def on_death(self, node_id: str) -> None:
        """What a node has not answered, it never will."""
        asked: list[Proposal | Asked] = [*self.proposals, *self.requests]
        for each in asked:
            if each.node_id == node_id and each.result is None:
                each.is_orphan = True

    def on_request(self, node_id: str, request: Request) -> Asked:
        """A request goes to a node."""
        asked = Asked(request, node_id)
        self.requests.append(asked)
        return asked

    def on_request_answer(
        self, asked: Asked, membership: Callable[[], bytes], result: ChangeResult
    ) -> None:
        """Each request has one answer, and what is done is done."""
        if asked.result is not None or asked.is_orphan:
            raise Violation(f"ANSWER: {asked} is answered again, {result}")
        asked.result = result
        request = asked.request
        if result.kind is ChangeKind.DONE and not isinstance(request, Transfer):
            is_member = request.node_id in Membership.decode(membership()).members
            if is_member is isinstance(request, RemoveMember):
                raise Violation(f"CHANGE: {asked} is not so")

    def on_role(self, node_id: str, role: Role) -> None:
        """Election safety: one leader in each term."""
        if role.kind is RoleKind.LEADER:
            first = self.leaders.setdefault(role.term, node_id)
            if first != node_id:
                raise Violation(f"ELECTION: {first} and {node_id} lead in term {role.term}")

    def on_answer(self, proposal: Proposal, result: ProposalResult) -> None:
        """Each proposal has one answer, which is true."""
        if proposal.result is not None or proposal.is_orphan:
            raise Violation(f"ANSWER: {proposal} is answered again, {result}")
        proposal.result = result
        if result.kind is ProposalKind.APPLIED:
            if self.log.get(result.index, (0, b""))[1] != proposal.entry:
                raise Violation(f"ACK: {proposal.entry!r} was acknowledged at {result.index}")
            self.acknowledged_index = max(self.acknowledged_index, result.index)

    def on_barrier(self, node_id: str, acknowledged_before: int, applied_index: int) -> None:
        """A confirmed barrier sees all that was acknowledged before it was asked for."""
        self.barriers += 1
        if applied_index < acknowledged_before:
            raise Violation(f"STALE: {node_id} is at {applied_index} of {acknowledged_before}")

    def has_unanswered(self) -> bool:
        """Whether a node that lives owes an answer."""
        asked: list[Proposal | Asked] = [*self.proposals, *self.requests]
        return any(each.result is None and not each.is_orphan for each in asked)

    def check_log(self, log: list[tuple[int, bytes]]) -> None:
        """At the end: acknowledged entries are in the log once, refused ones never."""
        times: dict[bytes, int] = {}
        for _, entry in log:
            times[entry] = times.get(entry, 0) + 1
        for proposal in self.proposals:
            count = times.get(proposal.entry, 0)
            kind = proposal.result.kind if proposal.result is not None else None
            if kind is ProposalKind.APPLIED and count != 1:
                raise Violation(f"ACK: {proposal.entry!r} was acknowledged, is there {count} times")
            if kind is ProposalKind.REFUSED and count != 0:
                raise Violation(f"REFUSED: {proposal.entry!r} was refused and is in the log")
            if count > 1:
                raise Violation(f"TWICE: {proposal.entry!r} is in the log {count} times")
