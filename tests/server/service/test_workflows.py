"""Workflows through the service, on one node in memory."""

import json
from typing import Any

import pytest

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.service.callers import ANYBODY, Caller
from stepraft.server.service.pages import PageRequest
from stepraft.server.service.workflows import Workflows
from tests.server.local_node import PASS, TASK, local_node, put

BROKEN = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}}, "Comments": ""}


async def put_pass(workflows: Workflows, name: str = "echo", comment: str = "") -> tuple[Any, ...]:
    definition = json.dumps(PASS | {"Comment": comment})
    result = await workflows.put(ANYBODY, "", name, definition, "")
    return result.workflow.version, result.is_created


async def test_a_definition_equal_to_the_newest_makes_no_new_version() -> None:
    async with local_node() as local:
        workflows = local.application.workflows

        made = [await put_pass(workflows, comment=comment) for comment in ("a", "a", "b", "a")]

        assert made == [(1, True), (1, False), (2, True), (3, True)]


async def test_each_version_stays_as_it_was_put() -> None:
    async with local_node() as local:
        workflows = local.application.workflows
        for comment in ("a", "b"):
            await put_pass(workflows, comment=comment)

        found = [await workflows.get(ANYBODY, "default", "echo", version) for version in (0, 1, 2)]

        assert [(each.workflow.version, each.definition) for each in found] == [
            (2, json.dumps(PASS | {"Comment": "b"})),
            (1, json.dumps(PASS | {"Comment": "a"})),
            (2, json.dumps(PASS | {"Comment": "b"})),
        ]


async def test_an_invalid_definition_is_refused_with_all_its_problems() -> None:
    async with local_node() as local:
        with pytest.raises(Rejection) as refused:
            await local.application.workflows.put(ANYBODY, "", "broken", json.dumps(BROKEN), "")

        found = await local.application.workflows.validate(json.dumps(BROKEN))
        assert len(found) == 3
        assert refused.value.reason is Reason.INVALID_DEFINITION
        assert refused.value.violations == tuple(
            (f"definition{each.location}".rstrip("/"), each.message) for each in found
        )
        assert ("definition/States/A/Next", found[1].message) in refused.value.violations


@pytest.mark.parametrize(
    ("size", "is_taken"),
    [
        pytest.param(5000, True, id="at the limit"),
        pytest.param(5001, False, id="a byte over the limit"),
    ],
)
async def test_a_definition_is_bounded_in_bytes(size: int, is_taken: bool) -> None:
    async with local_node(limits={"definition_bytes": 5000}) as local:
        empty = json.dumps(PASS | {"Comment": ""})
        definition = json.dumps(PASS | {"Comment": "x" * (size - len(empty))})
        assert len(definition) == size

        put_it = local.application.workflows.put(ANYBODY, "", "echo", definition, "")
        if is_taken:
            await put_it
            return
        with pytest.raises(Rejection) as refused:
            await put_it
        assert (refused.value.reason, refused.value.field) == (
            Reason.PAYLOAD_TOO_LARGE,
            "definition",
        )


@pytest.mark.parametrize(
    ("name", "version", "field"),
    [
        pytest.param("nothing", 0, "name", id="no such workflow"),
        pytest.param("echo", 2, "version", id="no such version"),
    ],
)
async def test_what_is_not_there_is_not_found(name: str, version: int, field: str) -> None:
    async with local_node() as local:
        await put(local, echo=PASS)

        with pytest.raises(Rejection) as refused:
            await local.application.workflows.get(ANYBODY, "", name, version)

        assert (refused.value.reason, refused.value.field) == (Reason.WORKFLOW_NOT_FOUND, field)


async def test_the_workflows_of_a_namespace_are_listed_by_name_in_pages() -> None:
    async with local_node() as local:
        await put(local, c=PASS, a=TASK, b=PASS)
        workflows = local.application.workflows
        await workflows.put(ANYBODY, "elsewhere", "d", json.dumps(PASS), "")

        first = await workflows.list_page(ANYBODY, "", PageRequest(2))
        second = await workflows.list_page(ANYBODY, "", PageRequest(2, first.next_token))

        assert [info.name for info in first.items] == ["a", "b"]
        assert [info.name for info in second.items] == ["c"]
        assert (bool(first.next_token), second.next_token) == (True, "")


async def test_the_versions_of_a_workflow_are_listed_newest_first_in_pages() -> None:
    async with local_node() as local:
        workflows = local.application.workflows
        for comment in ("a", "b", "c"):
            await put_pass(workflows, comment=comment)

        first = await workflows.versions(ANYBODY, "", "echo", PageRequest(2))
        second = await workflows.versions(ANYBODY, "", "echo", PageRequest(2, first.next_token))

        assert [info.version for info in (*first.items, *second.items)] == [3, 2, 1]
        assert second.next_token == ""


async def test_lists_are_bounded_in_bytes() -> None:
    async with local_node(
        grpc={"max_message_bytes": 200 * 1024}, limits={"definition_bytes": 60_000}
    ) as local:
        workflows = local.application.workflows
        for number in range(3):
            await put_pass(workflows, comment=str(number) + "x" * 49_000)
            await put_pass(workflows, name=f"w{number}", comment="x" * 49_000)

        versions = await workflows.versions(ANYBODY, "", "echo", PageRequest(100))
        rest = await workflows.versions(ANYBODY, "", "echo", PageRequest(100, versions.next_token))
        newest = await workflows.list_page(ANYBODY, "", PageRequest(100))

        assert [info.version for info in versions.items] == [3, 2]
        assert [info.version for info in rest.items] == [1]
        assert [info.name for info in newest.items] == ["echo", "w0"]
        assert (bool(newest.next_token), rest.next_token) == (True, "")


async def test_the_workflows_of_another_tenant_do_not_exist() -> None:
    async with local_node() as local:
        await put(local, echo=PASS)

        page = await local.application.workflows.list_page(Caller("other"), "", PageRequest())

        assert page.items == []
