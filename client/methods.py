"""What all groups of the client's methods stand on."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final, TypeVar

from stepraft.client.calls import Calls
from stepraft.client.types import Page

PAGE_SIZE: Final = 100
"""How many items one request of a listing asks for."""

Item = TypeVar("Item")


class Methods:
    """A group of methods: they call the cluster and speak of one namespace."""

    def __init__(self, calls: Calls, namespace: str) -> None:
        self._calls = calls
        self._namespace = namespace


async def all_items(page: Callable[[str], Awaitable[Page[Item]]]) -> AsyncGenerator[Item, None]:
    """Yield the items of all pages; `page` fetches the one of a token, "" the first."""
    token = ""
    while True:
        found = await page(token)
        for item in found.items:
            yield item
        token = found.next_page_token
        if not token:
            return
