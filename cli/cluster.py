"""The commands about the cluster: `cluster status` and `health`."""

from typing import Annotated, Final

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from stepraft.cli import tls
from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.options import Addresses, AsJson, addresses_of, connected
from stepraft.cli.output import console, print_document
from stepraft.cli.standing import print_status

app = typer.Typer(no_args_is_help=True, help="Look at the cluster itself, and change its members.")

_HEALTH_TIMEOUT_S: Final = 3.0


@app.command()
def status(address: Addresses = None, as_json: AsJson = False) -> None:
    """Show the nodes, who leads, and how far each has come.

    LAG counts the committed entries that a node has yet to apply. CHECKSUM compares what a node
    holds with what the answering node held at the same entry. The exit code is 4 if that node knows
    of no leader.
    """
    with connected(address) as client:
        found = client.cluster_status()
    if as_json:
        print_document(found)
    else:
        print_status(console(), found)
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
    shown = tls.given_credentials()
    answers = {node: _health_of(node, service, shown) for node in nodes}
    if as_json:
        print_document({"nodes": answers})
    else:
        for node, answer in answers.items():
            console().print(f"{node} {answer}", markup=False)
    if set(answers.values()) != {"SERVING"}:
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _health_of(address: str, service: str, shown: grpc.ChannelCredentials | None) -> str:
    """Return what the node says of itself, or the gRPC status of a call that failed."""
    request = health_pb2.HealthCheckRequest(service=service)
    with _channel(address, shown) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=_HEALTH_TIMEOUT_S)
        except grpc.RpcError as error:
            return str(error.code().name)
    return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))


def _channel(address: str, shown: grpc.ChannelCredentials | None) -> grpc.Channel:
    if shown is None:
        return grpc.insecure_channel(address)
    return grpc.secure_channel(address, shown)
