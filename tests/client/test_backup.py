"""A backup: what it holds comes first, and once it has begun it is whole or an error."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from stepraft.client import BackupHead, Client, UnavailableError
from stepraft.v1 import cluster_pb2

HEAD = cluster_pb2.BackupChunk(
    head=cluster_pb2.BackupHead(
        cluster_id="c", node_id="n1", applied_index=7, at=Timestamp(seconds=1)
    )
)
BODY = cluster_pb2.BackupChunk(data=b"rows")
HEAD_VALUE = BackupHead(
    cluster_id="c", node_id="n1", applied_index=7, at=datetime.fromtimestamp(1, tz=UTC)
)


async def test_the_head_comes_first_and_then_the_bytes(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script("Backup", [HEAD, BODY, BODY])

        assert [item async for item in client.backup()] == [HEAD_VALUE, b"rows", b"rows"]


async def test_a_backup_that_has_not_begun_is_asked_for_again(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script("Backup", [refusal(grpc.StatusCode.UNAVAILABLE, "NO_LEADER")], [HEAD, BODY])

        assert [item async for item in client.backup()] == [HEAD_VALUE, b"rows"]


async def test_a_backup_that_breaks_off_is_an_error(
    fake_node: Callable[..., Any], refusal: Callable[..., Any]
) -> None:
    async with fake_node() as node, Client(node.address) as client:
        node.script("Backup", [HEAD, refusal(grpc.StatusCode.UNAVAILABLE)], [HEAD, BODY])
        with pytest.raises(UnavailableError):
            _ = [item async for item in client.backup()]

        assert len(node.requests) == 1
