"""How the cluster stands, as people read it: a table of the nodes, and a line for what is amiss."""

from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stepraft.cli.output import fits, shown_size, table
from stepraft.client import ClusterStatus, NodeCondition, NodeRole, NodeStanding, NodeStatus

_ROLE_STYLES: Final = {
    NodeRole.LEADER: "bold green",
    NodeRole.CANDIDATE: "yellow",
    NodeRole.UNKNOWN: "red",
}
_CONDITION_STYLES: Final = {
    NodeCondition.NORMAL: "green",
    NodeCondition.DIVERGED: "bold red",
    NodeCondition.NO_ROOM: "bold red",
}
_WAYS: Final = {
    NodeCondition.ABSTAINING: "it is new or lost its folder, catches up, and has no vote yet",
    NodeCondition.LEARNER: "it is new, catches up, and has no vote yet",
    NodeCondition.DIVERGED: "its state differed from that of the others, and is being replaced",
    NodeCondition.NO_ROOM: "its disk is nearly full: it takes no entries until there is room",
}
"""What a condition means, in the notes below the table."""

_STATE: Final = ("NODE", "ROLE", "STANDING", "CONDITION", "APPLIED", "LAG", "CHECKSUM")
_PLACE: Final = ("ADDRESS", "RAFT", "VERSION")
_RIGHT: Final = ("APPLIED", "LAG")


def print_status(screen: Console, found: ClusterStatus) -> None:
    """Print the cluster: one table where it fits, else one for the state and one for the places."""
    leader = found.leader_id or "none"
    screen.print(
        f"cluster {found.cluster_id}, leader {leader}, as {found.node_id} sees it\n"
        f"term {found.term}, epoch {found.epoch}, features {found.feature_level}",
        markup=False,
    )
    rows = [[*_state(found, node), *_place(node)] for node in found.nodes]
    whole = _table((*_STATE, *_PLACE), rows)
    if fits(screen, whole):
        screen.print(whole)
    else:
        screen.print(_table(_STATE, [_state(found, node) for node in found.nodes]))
        screen.print()
        screen.print(_table(("NODE", *_PLACE), [_short_place(node) for node in found.nodes]))
    for note in notes(found):
        screen.print(note, style="yellow", markup=False)


def lag_of(found: ClusterStatus, node: NodeStatus) -> int | None:
    """Return how many committed entries a node has yet to apply; None where that is not known."""
    if not node.reachable:
        return None
    return max(0, max(each.commit_index for each in found.nodes) - node.applied_index)


def is_receiving(node: NodeStatus) -> bool:
    """Whether a snapshot is on its way to a node: it waits for one, or the leader sends one."""
    return node.condition is NodeCondition.RECEIVING or node.snapshot_bytes > 0


def notes(found: ClusterStatus) -> list[str]:
    """Return what is amiss, or not yet as it should be, a line each."""
    return [f"{node.node_id}: {text}" for node in found.nodes for text in _notes_of(found, node)]


def _notes_of(found: ClusterStatus, node: NodeStatus) -> list[str]:
    texts = []
    if node.condition is NodeCondition.FORMING:
        waits_for = ", ".join(node.waits_for)
        texts.append(f"it waits for the other members of a new cluster: {waits_for}")
    if is_receiving(node):
        texts.append(f"it receives a snapshot, {shown_size(node.snapshot_bytes)} so far")
    if node.condition in _WAYS:
        texts.append(_WAYS[node.condition])
    if node.feature_level > found.feature_level:
        texts.append(
            f"its software knows features {node.feature_level}: used once that of all nodes does"
        )
    if node.agrees is False:
        texts.append(
            f"its checksum at entry {node.applied_index:,} is not {found.node_id}'s: one is wrong"
        )
    return texts


def _table(columns: tuple[str, ...], rows: list[list[Text]]) -> Table:
    right = tuple(each for each in columns if each in _RIGHT)
    made = table(*columns, right=right, wrapped=("NODE", "ADDRESS", "RAFT"))
    for row in rows:
        made.add_row(*row)
    return made


def _state(found: ClusterStatus, node: NodeStatus) -> list[Text]:
    role = node.role if node.reachable else NodeRole.UNKNOWN
    lag = lag_of(found, node)
    return [
        Text(node.node_id),
        Text(_word(role) if node.reachable else "unreachable", style=_ROLE_STYLES.get(role, "")),
        Text(_word(node.standing)),
        Text(_word(node.condition), style=_CONDITION_STYLES.get(node.condition, "yellow")),
        Text(f"{node.applied_index:,}" if node.applied_index else ""),
        Text("" if lag is None else f"{lag:,}"),
        _agreement(node),
    ]


def _place(node: NodeStatus) -> list[Text]:
    return [Text(node.address), Text(node.raft_address), Text(node.software_version)]


def _short_place(node: NodeStatus) -> list[Text]:
    """Return where a node is; of a second address on the same host only the port."""
    host, colon, _ = node.address.rpartition(":")
    raft = node.raft_address.removeprefix(host) if colon else node.raft_address
    return [Text(node.node_id), Text(node.address), Text(raft), Text(node.software_version)]


def _word(choice: NodeRole | NodeStanding | NodeCondition) -> str:
    return "" if choice.value == "UNKNOWN" else choice.value.lower().replace("_", " ")


def _agreement(node: NodeStatus) -> Text:
    """Return how a checksum compares with the answering node's; blank where nobody knows."""
    if node.agrees is None:
        return Text("")
    return Text("same", style="green") if node.agrees else Text("DIFFERENT", style="bold red")
