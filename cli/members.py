"""The commands that change the cluster: who belongs to it, and who leads it."""

import time
from typing import Annotated, Final

import typer

from stepraft.cli.cluster import app
from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.cli.options import Addresses, AsJson, connected
from stepraft.cli.output import console, print_document, shown_size
from stepraft.cli.progress import news
from stepraft.cli.standing import is_receiving, lag_of
from stepraft.client import (
    ClusterStatus,
    NodeCondition,
    NodeStanding,
    NodeStatus,
    SyncClient,
)

__all__ = ["app"]

_LOOK_S: Final = 0.25
_SETTLE_S: Final = 10.0
"""How long a new leader may take to show after it was made one."""

NodeId = Annotated[str, typer.Argument(metavar="NODE", help="The node's id.", show_default=False)]
RaftAddress = Annotated[
    str,
    typer.Option("--raft", metavar="HOST:PORT", help="Where the other nodes reach it."),
]
GrpcAddress = Annotated[
    str,
    typer.Option("--grpc", metavar="HOST:PORT", help="Where it takes calls."),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        min=0,
        help="How long to wait; the node goes on catching up after that.",
        show_default="for ever",
    ),
]


@app.command()
def add(
    node: NodeId,
    raft: RaftAddress,
    grpc: GrpcAddress,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait until it has caught up and has a vote.")
    ] = False,
    timeout: Timeout = None,
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Take a node into the cluster.

    It gets all data first, and a vote by itself when it has caught up. Start it before or after,
    with a configuration that names it beside the other members. The exit code is 9 if it had no
    vote yet when the time to wait was over.
    """
    if timeout is not None and not wait:
        raise CommandError("--timeout: only --wait reads it", code=ExitCode.USAGE)
    with connected(address) as client:
        client.add_node(node, raft_address=raft, grpc_address=grpc)
        if wait:
            _wait_for_voter(client, node, timeout, as_json=as_json)
        found = _node_of(client.cluster_status(), node)
    if as_json:
        print_document(found)
    elif wait:
        console().print(f"{node} has caught up and has a vote", markup=False)
    else:
        console().print(f"{node} is a member, and gets a vote when it has caught up", markup=False)


@app.command()
def remove(node: NodeId, address: Addresses = None, as_json: AsJson = False) -> None:
    """Take a node out of the cluster, for good.

    If it leads, it hands over first. It stops by itself when it hears of it, and its data folder is
    of no more use then.
    """
    with connected(address) as client:
        client.remove_node(node)
    _say(f"{node} is no member any more", {"node_id": node}, as_json=as_json)


@app.command()
def replace(
    old: Annotated[str, typer.Argument(metavar="OLD", show_default=False)],
    new: Annotated[str, typer.Argument(metavar="NEW", show_default=False)],
    raft: RaftAddress,
    grpc: GrpcAddress,
    timeout: Timeout = None,
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Take node NEW into the cluster, wait until it has a vote, and take OLD out.

    OLD may be dead. At no time fewer nodes have the data than before. The exit code is 9 if NEW had
    no vote yet when the time to wait was over: OLD is still a member then, and the same command
    goes on.
    """
    with connected(address) as client:
        _require_replaceable(client.cluster_status(), old, new)
        client.add_node(new, raft_address=raft, grpc_address=grpc)
        _wait_for_voter(client, new, timeout, as_json=as_json)
        client.remove_node(old)
        found = _node_of(client.cluster_status(), new)
    if as_json:
        print_document(found)
    else:
        console().print(f"{new} has taken the place of {old}", markup=False)


@app.command()
def update(
    node: NodeId,
    raft: Annotated[str, typer.Option("--raft", metavar="HOST:PORT", show_default="as it is")] = "",
    grpc: Annotated[str, typer.Option("--grpc", metavar="HOST:PORT", show_default="as it is")] = "",
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Say where a node is reached from now on: by the other nodes, and by those who call it."""
    if not raft and not grpc:
        raise CommandError("--raft, --grpc: give at least one of them", code=ExitCode.USAGE)
    with connected(address) as client:
        known = _node_of(client.cluster_status(), node)
        raft_address, grpc_address = raft or known.raft_address, grpc or known.address
        client.update_node(node, raft_address=raft_address, grpc_address=grpc_address)
    _say(
        f"{node} is reached at {raft_address} (raft) and {grpc_address} (grpc)",
        {"node_id": node, "raft_address": raft_address, "address": grpc_address},
        as_json=as_json,
    )


@app.command()
def transfer(
    node: Annotated[
        str,
        typer.Argument(metavar="[NODE]", help="Who is to lead.", show_default="any that can"),
    ] = "",
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Make another node the leader."""
    with connected(address) as client:
        client.transfer_leadership(node)
        leader = _settled_leader(client)
    _say(f"{leader} leads", {"leader_id": leader}, as_json=as_json)


def _say(text: str, document: dict[str, str], *, as_json: bool) -> None:
    if as_json:
        print_document(document)
    else:
        console().print(text, markup=False)


def _node_of(found: ClusterStatus, node_id: str) -> NodeStatus:
    """Errors: CommandError when it is no member."""
    for node in found.nodes:
        if node.node_id == node_id:
            return node
    members = ", ".join(node.node_id for node in found.nodes)
    raise CommandError(
        f"{node_id} is no member of the cluster; the members are {members}",
        code=ExitCode.NOT_FOUND,
    )


def _require_replaceable(found: ClusterStatus, old: str, new: str) -> None:
    """Refuse a name that nobody has; that OLD is gone already is well when NEW is there.

    Errors: CommandError.
    """
    if old == new:
        raise CommandError("NEW: must be another id than OLD's", code=ExitCode.USAGE)
    if new not in {node.node_id for node in found.nodes}:
        _node_of(found, old)


def _settled_leader(client: SyncClient) -> str:
    """Return who leads, once the node that answers knows; empty if that takes long."""
    deadline = time.monotonic() + _SETTLE_S
    while not (leader := client.cluster_status().leader_id) and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    return leader


def _wait_for_voter(
    client: SyncClient, node_id: str, timeout_s: float | None, *, as_json: bool
) -> None:
    """Show how a new member comes on until it has a vote.

    Errors: CommandError when the time is over.
    """
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    with news(is_quiet=as_json) as tell:
        while True:
            found = client.cluster_status()
            node = _node_of(found, node_id)
            if _is_in_step(node):
                return
            text = _progress_of(found, node)
            tell(text)
            if deadline is not None and time.monotonic() >= deadline:
                raise CommandError(
                    f"{text}; the time to wait is over",
                    hint="it goes on by itself; `stepraft cluster status` shows how far it is",
                    code=ExitCode.STILL_RUNNING,
                )
            time.sleep(_LOOK_S)


def _is_in_step(node: NodeStatus) -> bool:
    is_voter = node.standing is NodeStanding.VOTER
    return is_voter and node.reachable and node.condition is NodeCondition.NORMAL


def _progress_of(found: ClusterStatus, node: NodeStatus) -> str:
    if not node.reachable:
        return f"{node.node_id} cannot be reached yet: is it started?"
    if is_receiving(node):
        return f"{node.node_id} receives a snapshot, {shown_size(node.snapshot_bytes)} so far"
    return f"{node.node_id} catches up, {lag_of(found, node) or 0:,} entries to go"
