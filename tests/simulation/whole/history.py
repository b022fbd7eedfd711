"""What all machines applied, and who led: one log, one leader in each term, no stale read."""

from msgspec import Struct, field

from stepraft.server.raft.contract import Role, RoleKind
from stepraft.server.raft.membership import Membership
from stepraft.storage.machine import Machine
from tests.simulation.oracle import Oracle, require


class Logged(Struct, frozen=True):
    """One entry; `names_members`: it says who belongs to the group, and is not the engine's."""

    term: int
    data: bytes
    names_members: bool = False


class History(Struct):
    """`log`: the entries from index 1 on, by whoever applied them first. `spoilt`: the nodes whose
    state is known to be wrong, in a row of `wrong_keys`. `spoils`: how often that was done to one.
    """

    oracle: Oracle
    log: list[Logged] = field(default_factory=list)
    leaders: dict[int, str] = field(default_factory=dict)
    memberships: list[Membership] = field(default_factory=list)
    spoilt: set[str] = field(default_factory=set)
    wrong_keys: list[bytes] = field(default_factory=list)
    barriers: int = 0
    snapshots: int = 0
    spoils: int = 0

    def on_started(self, node_id: str, index: int, checksum: int, *, is_spoilt: bool) -> None:
        """A machine takes up what its store kept: not always the row that is wrong, and perhaps the
        entry in which it died.
        """
        self._note_spoilt(node_id, is_spoilt=is_spoilt)
        if index:
            self.on_applied(node_id, index, checksum)

    def on_entry(self, node_id: str, index: int, logged: Logged) -> None:
        """A machine is to apply an entry, which must be committed: the same one everywhere."""
        if index == len(self.log) + 1:
            self.log.append(logged)
            self.oracle.committed(index, b"" if logged.names_members else logged.data)
            if logged.names_members:
                self.memberships.append(Membership.decode(logged.data))
        require(index <= len(self.log), f"{node_id} applies {index} before {len(self.log) + 1}")
        require(self.log[index - 1] == logged, f"{node_id} applies another entry at {index}")

    def on_applied(self, node_id: str, index: int, checksum: int) -> None:
        """A machine has applied an entry."""
        if node_id not in self.spoilt:
            self.oracle.applied(index, checksum)

    def on_spoilt(self, node_id: str, key: bytes) -> None:
        """A machine writes a wrong row, and nobody else knows."""
        self.spoils += 1
        self.wrong_keys.append(key)
        self.spoilt.add(node_id)

    def on_replaced(self, node_id: str, index: int, checksum: int, *, is_spoilt: bool) -> None:
        """A machine has installed a snapshot, or (0) forgotten its state, which must be wrong."""
        self._note_spoilt(node_id, is_spoilt=is_spoilt)
        if not index:
            require(self.spoils > 0, f"{node_id} forgets a state that is right")
            return
        self.snapshots += 1
        expected = self.oracle.checksums.get(index)
        require(
            is_spoilt or checksum == expected,
            f"{node_id} installs a state at {index} that never was",
        )

    def _note_spoilt(self, node_id: str, *, is_spoilt: bool) -> None:
        if is_spoilt:
            self.spoilt.add(node_id)
        else:
            self.spoilt.discard(node_id)

    def replay(self, machine: Machine) -> None:
        """Apply the whole log to a new machine."""
        for index, logged in enumerate(self.log, start=1):
            if logged.names_members:
                machine.apply_membership(index, logged.term, logged.data)
            else:
                machine.apply(index, logged.term, logged.data)

    @property
    def membership(self) -> Membership | None:
        """Who belongs to the group, as far as anybody has applied; None before the first word."""
        return self.memberships[-1] if self.memberships else None

    def on_removed(self, node_id: str) -> None:
        """A node stops because it was removed."""
        was_removed = any(node_id not in each.members for each in self.memberships)
        require(was_removed, f"{node_id} stops as removed, and nobody removed it")

    def on_role(self, node_id: str, role: Role) -> None:
        """A node plays another part."""
        if role.kind is RoleKind.LEADER:
            first = self.leaders.setdefault(role.term, node_id)
            require(first == node_id, f"{first} and {node_id} lead in term {role.term}")

    def on_barrier(self, node_id: str, committed_before: int, applied_index: int) -> None:
        """A confirmed barrier sees all that was committed before it was asked for."""
        self.barriers += 1
        require(
            applied_index >= committed_before,
            f"{node_id} reads at {applied_index}, {committed_before} is committed",
        )
