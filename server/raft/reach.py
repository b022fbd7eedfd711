"""Whether a store and a journal belong together, when a node starts."""

from stepraft.server.raft.contract import DamageError, ReplicatedMachine
from stepraft.server.raft.journal import Journal


def check_reach(journal: Journal, machine: ReplicatedMachine) -> None:
    """Refuse a store whose last entry the journal should have and has not.

    A journal that begins behind the store is no fault: the node gets a snapshot. Nor is one that
    lacks the last entry of a snapshot that was just installed: a crash came before it was reset,
    which is done now. Errors: DamageError.
    """
    index = machine.applied_index
    if index < journal.first_index or journal.term_at(index) == machine.applied_term:
        return
    if index == machine.installed_index and journal.last_index > 0:
        journal.reset(index, machine.applied_term, machine.membership)
        return
    raise DamageError(f"{_fault(journal, index)}: they do not belong together")


def _fault(journal: Journal, index: int) -> str:
    if journal.last_index == 0:
        return f"the store has applied entry {index}, the journal is empty"
    if index > journal.last_index:
        return f"the store has applied entry {index}, the journal ends at {journal.last_index}"
    return f"entry {index} has another term in the journal than in the store"
