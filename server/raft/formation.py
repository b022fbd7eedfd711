"""Whether this node may vote: a lost folder must never vote as if it had promised nothing.

A folder is *fresh* while nobody can have been told anything that it ought to remember: it is in no
term and has taken no entry. A node with a fresh folder may be one of a new group, or have lost what
it promised; the others tell which. It neither votes nor stands (it is *forming*) until every other
member of the group has said, in this life of the node, that its own folder is fresh, too: then
nothing can have been promised to anybody. If one says that it is not, or begins to lead, this node
*abstains*: it takes entries, but its vote and its acknowledgements count for nothing until a leader
readmits it (readmission.py). Both ends are durable, so that a group of which a majority has formed
needs nobody else after a restart.
"""

import logging
from typing import Final

from stepraft.server.raft.journal import Journal
from stepraft.server.raft.library import chance
from stepraft.server.raft.settings import RaftSettings
from stepraft.server.raft.vote import Admission

_log: Final = logging.getLogger(__name__)

_SAY_WHO_IS_MISSING_EVERY_S: Final = 5.0
_LIVES: Final = 1 << 62


class Formation:
    """The admission of one node, in one life of it."""

    def __init__(self, journal: Journal, settings: RaftSettings) -> None:
        self._journal = journal
        self._node_id = settings.node_id
        self._missing = set(settings.peer_ids)
        self._say_at = 0.0
        self.life = 1 + int(chance() * (_LIVES - 1))
        """A number that tells this life of the node from its earlier ones."""

        if settings.rejoin and journal.is_fresh:
            self.abstain("it was started to rejoin")
        elif self.is_forming and not journal.is_fresh:
            self.abstain("its folder was never admitted")
        self._form_if_complete()

    @property
    def may_vote(self) -> bool:
        """Whether this node votes, stands, and is counted."""
        return self._journal.admission is Admission.ADMITTED

    @property
    def is_forming(self) -> bool:
        """Whether others have to be heard first."""
        return self._journal.admission is Admission.FORMING

    @property
    def missing(self) -> tuple[str, ...]:
        """Who has to be heard before the group is formed."""
        return tuple(sorted(self._missing)) if self.is_forming else ()

    @property
    def abstaining(self) -> int:
        """What goes with every answer to a leader: 0, or the number of this life."""
        return 0 if self.may_vote else self.life

    def on_hello(self, node_id: str, *, is_fresh: bool) -> None:
        """A member says how its folder is."""
        if not self.is_forming:
            return
        if not is_fresh:
            self.abstain(f"{node_id} has been part of a group already")
            return
        self._missing.discard(node_id)
        self._form_if_complete()

    def on_leader(self, node_id: str) -> None:
        """A group has formed, and it was not for this node to know."""
        if self.is_forming:
            self.abstain(f"{node_id} leads already")

    def abstain(self, reason: str) -> None:
        """Count for nothing from now on; durable on return."""
        if self._journal.admission is not Admission.ABSTAINING:
            self._journal.save_admission(Admission.ABSTAINING)
            _log.warning(
                "node %s abstains until a leader has brought it up to date: %s",
                self._node_id,
                reason,
            )

    def readmit(self) -> None:
        """A leader says that this node holds all that it can have promised; durable on return."""
        self._journal.save_admission(Admission.ADMITTED)
        _log.info("node %s is readmitted", self._node_id)

    def say_who_is_missing(self, at: float) -> None:
        """One line now and then, for whoever wonders why nothing happens."""
        if self.is_forming and at >= self._say_at:
            self._say_at = at + _SAY_WHO_IS_MISSING_EVERY_S
            _log.info(
                "node %s waits for %s: a new cluster forms once all members have been heard",
                self._node_id,
                ", ".join(self.missing),
            )

    def _form_if_complete(self) -> None:
        if self.is_forming and not self._missing:
            self._journal.save_admission(Admission.ADMITTED)
            _log.info("node %s has heard all members: the cluster is formed", self._node_id)
