"""The commands about the cluster: `cluster status` and `health`."""

from typing import Annotated, Final

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc
from rich.text import Text

from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.options import Addresses, AsJson, addresses_of, connected
from stepraft.cli.output import console, print_document, table
from stepraft.client import ClusterStatus, NodeRole, NodeStatus

app = typer.Typer(no_args_is_help=True, help="Look at the cluster itself.")

_HEALTH_TIMEOUT_S: Final = 3.0
_ROLE_STYLES: Final = {
    NodeRole.LEADER: "bold green",
    NodeRole.CANDIDATE: "yellow",
    NodeRole.UNKNOWN: "red",
}


@app.command()
def status(address: Addresses = None, as_json: AsJson = False) -> None:
    """Show the nodes, who leads, and how far each has come.

    The exit code is 4 if the node that answers knows of no leader.
    """
    with connected(address) as client:
        found = client.cluster_status()
    if as_json:
        print_document(found)
    else:
        _print_status(found)
    if not found.leader_id:
        raise typer.Exit(ExitCode.UNAVAILABLE)


def health(
    service: Annotated[
        str,
        typer.Option(
            help="What to ask for: nothing asks whether the node can serve, `liveness` whether it "
            "answers at all."
        ),
    ] = "",
    address: Addresses = None,
    as_json: AsJson = False,
) -> None:
    """Ask each node named by --address whether it can serve; for health checks.

    The exit code is 4 unless all of them can.
    """
    nodes = addresses_of(address).split(",")
    answers = {node: _health_of(node, service) for node in nodes}
    if as_json:
        print_document({"nodes": answers})
    else:
        for node, answer in answers.items():
            console().print(f"{node} {answer}", markup=False)
    if set(answers.values()) != {"SERVING"}:
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _health_of(address: str, service: str) -> str:
    """Return what the node says of itself, or the gRPC status of a call that failed."""
    request = health_pb2.HealthCheckRequest(service=service)
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=_HEALTH_TIMEOUT_S)
        except grpc.RpcError as error:
            return str(error.code().name)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def _print_status(found: ClusterStatus) -> None:
    screen = console()
    leader = found.leader_id or "none"
    screen.print(
        f"cluster {found.cluster_id}, leader {leader}, term {found.term}, epoch {found.epoch}, "
        f"as {found.node_id} sees it",
        markup=False,
    )
    right = ("APPLIED", "COMMITTED", "LAST")
    made = table("NODE", "ADDRESS", "ROLE", *right, "CHECKSUM", "VERSION", right=right)
    for node in found.nodes:
        made.add_row(*_row(node))
    screen.print(made)


def _row(node: NodeStatus) -> list[Text]:
    role = node.role if node.reachable else NodeRole.UNKNOWN
    name = role.lower() if node.reachable else "unreachable"
    indexes = (node.applied_index, node.commit_index, node.last_index)
    return [
        Text(node.node_id),
        Text(node.address),
        Text(name, style=_ROLE_STYLES.get(role, "")),
        *(Text(f"{index:,}" if index else "") for index in indexes),
        Text(f"{node.checksum:016x}" if node.checksum else ""),
        Text(node.software_version),
    ]
