"""Who belongs to the group, as this node's log says, and whom it keeps in touch with.

Findings "membership change: applied on append and never taken back" and "the dump overrides the
configuration": the newest membership entry of the log counts from the moment it is there until it
is voided; under the log counts what the machine has, under that the configuration. The library's
own list of the others, by which it asks for votes and counts them, follows along.
"""

import logging
from typing import Any, Final

from stepraft.server.raft.contract import StartError
from stepraft.server.raft.exposed import Exposed
from stepraft.server.raft.membership import Membership
from stepraft.server.raft.membership_log import Landmark
from stepraft.server.raft.shapes import LibraryNode
from stepraft.server.raft.vote import Admission

_log: Final = logging.getLogger(__name__)


class Removed(StartError):
    """This node has applied its own removal: it is no member any more, and must not go on."""


class Members(Exposed):
    """The membership, what follows from it, and the peers of the network."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        settings = self._settings
        self._addresses = dict(settings.members)
        self._learned: set[str] = set()
        self._leaving: dict[str, float] = {}
        self._genesis = Membership.of_voters(settings.members, settings.grpc_members)
        self._landmark: Landmark | None = None
        self.membership = self._genesis
        """Who belongs to the group by the newest word of the log, committed or not."""
        self._adopt(self._found_membership())
        self._check_removal()

    def _is_voter(self) -> bool:
        return self._settings.node_id in self._voters

    def _is_membership_known(self) -> bool:
        """Whether the log or the machine says who belongs to the group, not just the settings."""
        return self._landmark is not None or bool(self._machine.membership)

    def _peer_voters(self) -> tuple[str, ...]:
        """The voters beside this node, in the order of their ids."""
        return tuple(node_id for node_id in self._voters if node_id != self._settings.node_id)

    def _peer_members(self) -> tuple[str, ...]:
        """The members beside this node, learners too, in the order of their ids."""
        return tuple(sorted(self.membership.members.keys() - {self._settings.node_id}))

    def _refresh_membership(self) -> None:
        """The log may have changed: what it says now counts now."""
        if self._journal.memberships.newest is not self._landmark:
            self._adopt(self._found_membership())

    def _found_membership(self) -> Membership:
        self._landmark = self._journal.memberships.newest
        data = self._machine.membership if self._landmark is None else self._landmark.data
        return Membership.decode(data) if data else self._genesis

    def _adopt(self, membership: Membership) -> None:
        before, self.membership = self.membership, membership
        self._voters = membership.voters
        self._majority = membership.majority
        self._SyncObj__otherNodes = {LibraryNode(node_id) for node_id in self._peer_voters()}
        self._learned -= before.members.keys() - membership.members.keys()
        self._addresses |= {n: member.raft for n, member in membership.members.items()}
        self._keep_in_touch()
        if membership != before:
            self._log_members()

    def _keep_in_touch(self) -> None:
        """Peers of the network: the members, and those who are needed although they are none."""
        wanted = set(self.membership.members) | self._learned | set(self._leaving)
        if self._journal.admission is not Admission.ADMITTED:
            # The log that this node has so far may be of a time when others were members.
            wanted |= set(self._addresses)
        if self.leader_id is not None:
            wanted.add(self.leader_id)
        wanted.discard(self._settings.node_id)
        self._network.set_peers({node_id: self._addresses[node_id] for node_id in sorted(wanted)})

    def _learn(self, membership: Membership) -> None:
        """Somebody knows members that this node has not heard of: one of them may be the leader."""
        for node_id, member in membership.members.items():
            if node_id not in self.membership.members:
                self._addresses[node_id] = member.raft
                self._learned.add(node_id)
        self._keep_in_touch()

    def _check_removal(self) -> None:
        """Stop once neither the machine nor the log knows this node. Errors: Removed.

        A node that abstains may read of an earlier removal in a log that takes it in again later.
        """
        data = self._machine.membership
        memberships = [self.membership, Membership.decode(data)] if data else [self.membership]
        is_member = any(self._settings.node_id in each.members for each in memberships)
        if not is_member and self._journal.admission is Admission.ADMITTED:
            raise Removed(
                f"node {self._settings.node_id} was removed from cluster "
                f"{self._settings.cluster_id}: its data folder is of no more use"
            )

    def _log_members(self) -> None:
        members = sorted(self.membership.members.items())
        addresses = {node_id: member.raft for node_id, member in members}
        _log.info(
            "the members are %s%s",
            ", ".join(f"{node_id} ({each.standing}, {each.raft})" for node_id, each in members),
            "" if addresses == self._settings.members else ": not as the configuration has them",
        )
