"""Addresses, and which node is used."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest

from stepraft.client import UnavailableError
from stepraft.client.connections import Connections, parse_addresses


@pytest.mark.parametrize(
    ("given", "parsed"),
    [
        pytest.param("127.0.0.1:7400", ("127.0.0.1:7400",), id="one"),
        pytest.param("a:1, b:2,", ("a:1", "b:2"), id="separated by commas"),
        pytest.param(["n1.example:1", "[::1]:2"], ("n1.example:1", "[::1]:2"), id="list"),
    ],
)
def test_addresses_are_named_in_a_list_or_a_text(
    given: str | list[str], parsed: tuple[str, ...]
) -> None:
    assert parse_addresses(given) == parsed


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param("", "at least one host:port is needed", id="none"),
        pytest.param([], "at least one host:port is needed", id="empty list"),
        pytest.param("localhost", "'localhost' is no host:port", id="no port"),
        pytest.param("localhost:http", "'localhost:http' is no host:port", id="port by name"),
        pytest.param(":7400", "':7400' is no host:port", id="no host"),
        pytest.param("a:70000", "'a:70000' is no host:port", id="port too large"),
    ],
)
def test_a_wrong_address_is_refused_with_its_text(given: str | list[str], text: str) -> None:
    with pytest.raises(ValueError, match=f"^addresses: {text}$"):
        parse_addresses(given)


@pytest.fixture
def dead_address() -> str:
    """An address that refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


async def test_a_node_that_is_down_is_passed_over(
    fake_node: Callable[..., Any], dead_address: str
) -> None:
    async with fake_node() as node:
        connections = Connections([dead_address, node.address])

        connection = await connections.ready(deadline=None)

        assert connection.address == node.address
        await connections.close()


async def test_a_node_in_use_stays_in_use_until_it_is_left(fake_node: Callable[..., Any]) -> None:
    async with fake_node() as first, fake_node() as second:
        connections = Connections([first.address, second.address])
        used = [await connections.ready(deadline=None) for _ in range(3)]
        connections.leave(used[0])
        # Another caller that failed on the same node changes nothing more.
        connections.leave(used[0])
        used.append(await connections.ready(deadline=None))

        assert [one.address for one in used] == [first.address] * 3 + [second.address]
        await connections.close()


async def test_a_node_that_comes_back_is_found_however_short_one_attempt_is(
    fake_node: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepraft.client.connections.CONNECT_TIMEOUT_S", 0.001)
    async with fake_node() as node:
        port = node.port
        connections = Connections(node.address)
    searching = asyncio.create_task(connections.ready(deadline=None))
    async with fake_node(port=port):
        connection = await searching

        assert connection.is_ready
        await connections.close()


async def test_without_any_node_the_deadline_ends_the_search(dead_address: str) -> None:
    connections = Connections(dead_address)
    deadline = asyncio.get_running_loop().time() + 0.3

    with pytest.raises(UnavailableError, match=f"no node could be reached, tried {dead_address}"):
        await connections.ready(deadline)

    await connections.close()
