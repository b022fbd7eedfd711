"""What operators ask of the cluster: how it is checked, put to Raft, and answered."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from contextlib import aclosing

import pytest

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.raft.membership import (
    AddMember,
    ChangeKind,
    ChangeResult,
    RemoveMember,
    UpdateMember,
)
from stepraft.server.service.administration import Administration, BackupHead
from stepraft.server.service.partitions import NotLeading
from stepraft.storage.backup import Backup
from tests.server.local_node import PASS, local_node, put, started

Ask = Callable[[Administration], Awaitable[None]]


@pytest.mark.parametrize(
    ("ask", "asked"),
    [
        pytest.param(
            lambda operators: operators.add("n4", "d:2", "d:1"),
            AddMember("n4", "d:2", "d:1"),
            id="add",
        ),
        pytest.param(lambda operators: operators.remove("n4"), RemoveMember("n4"), id="remove"),
        pytest.param(
            lambda operators: operators.update("n4", "[::1]:2", "d:1"),
            UpdateMember("n4", "[::1]:2", "d:1"),
            id="update",
        ),
        pytest.param(lambda operators: operators.transfer("n2"), "n2", id="transfer"),
        pytest.param(lambda operators: operators.transfer(""), None, id="transfer to whomever"),
    ],
)
async def test_what_is_asked_is_put_to_raft(ask: Ask, asked: object) -> None:
    async with local_node() as local:
        await ask(local.application.administration)

        assert local.log.asked == [asked]


async def test_the_leader_need_not_be_made_one() -> None:
    async with local_node() as local:
        await local.application.administration.transfer(local.node_id)

        assert local.log.asked == []


@pytest.mark.parametrize(
    ("ask", "refused"),
    [
        pytest.param(
            lambda operators: operators.remove("n4"), Reason.MEMBERSHIP_REFUSED, id="a change"
        ),
        pytest.param(
            lambda operators: operators.transfer("n4"), Reason.TRANSFER_REFUSED, id="a transfer"
        ),
    ],
)
async def test_each_end_of_a_request_has_its_reason(ask: Ask, refused: Reason) -> None:
    reasons = []
    async with local_node() as local:
        for kind in (ChangeKind.NOT_LEADER, ChangeKind.REFUSED, ChangeKind.UNKNOWN):
            local.log.answer = ChangeResult(kind, "a rule is against it")
            with pytest.raises(Rejection, match="a rule is against it") as raised:
                await ask(local.application.administration)
            reasons.append((raised.value.reason, isinstance(raised.value, NotLeading)))

    assert reasons == [
        (Reason.NO_LEADER, True),
        (refused, False),
        (Reason.OUTCOME_UNKNOWN, False),
    ]


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda operators: operators.remove("n4"), id="a change"),
        pytest.param(lambda operators: operators.transfer("n4"), id="a transfer"),
        pytest.param(lambda operators: anext(operators.backup()), id="a backup"),
    ],
)
async def test_a_node_that_does_not_lead_passes_it_on(ask: Ask) -> None:
    async with local_node() as local:
        await local.follow("n2")

        with pytest.raises(NotLeading):
            await ask(local.application.administration)

        assert local.log.asked == []


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        pytest.param(lambda operators: operators.add("", "d:2", "d:1"), "node_id", id="no id"),
        pytest.param(lambda operators: operators.remove("n 4"), "node_id", id="a space"),
        pytest.param(lambda operators: operators.remove("n4\n"), "node_id", id="a line's end"),
        pytest.param(lambda operators: operators.transfer("-n4"), "node_id", id="a dash first"),
        pytest.param(
            lambda operators: operators.add("n4", "d", "d:1"), "raft_address", id="no port"
        ),
        pytest.param(
            lambda operators: operators.update("n4", "d:2", "d:0"), "grpc_address", id="port 0"
        ),
    ],
)
async def test_a_wrong_field_is_named(ask: Ask, field: str) -> None:
    async with local_node() as local:
        with pytest.raises(Rejection) as refused:
            await ask(local.application.administration)

        assert refused.value.field == field
        assert field in refused.value.text


async def test_a_backup_is_a_sound_file_of_the_moment_that_it_names() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        await started(local, "echo")
        machine = local.partition.machine

        async with aclosing(local.application.administration.backup()) as backup:
            head = await anext(backup)
            file = b"".join([chunk async for chunk in backup if isinstance(chunk, bytes)])

        assert head == BackupHead("", local.node_id, machine.applied_index, machine.stamp)
        read = Backup(io.BytesIO(file))
        assert (read.head.index, sum(1 for _ in read.parts())) == (machine.applied_index, 1)


async def test_a_backup_comes_in_chunks_that_messages_hold() -> None:
    async with local_node(grpc={"max_message_bytes": 2048}) as local:
        await put(local, echo=PASS)
        for _ in range(20):
            await started(local, "echo")

        async with aclosing(local.application.administration.backup()) as backup:
            sizes = [len(chunk) async for chunk in backup if isinstance(chunk, bytes)]

        assert len(sizes) > 2
        assert max(sizes) == 1024


@pytest.mark.parametrize("leaves", [True, False], ids=["amid it", "in the end"])
async def test_a_caller_of_a_backup_who_leaves_leaves_no_snapshot_behind(leaves: bool) -> None:
    async with local_node() as local:
        await put(local, echo=PASS)
        moment = await local.partition.moment()
        closed = asyncio.Event()
        close = moment.source.close

        def noted() -> None:
            close()
            closed.set()

        moment.source.close = noted  # type: ignore[method-assign]

        async def found() -> object:
            return moment

        local.partition.moment = found  # type: ignore[method-assign,assignment]
        backup = local.application.administration.backup()
        await anext(backup)
        if leaves:
            reading = asyncio.ensure_future(anext(backup))
            await asyncio.sleep(0)
            reading.cancel()
        else:
            _ = [chunk async for chunk in backup]

        await closed.wait()
