"""Pages: lists in portions, each with a token that asks for the next.

A token is opaque, signed, and bound to what was listed: the same token with other filters is
refused. It says where to go on, so that no list is kept between two requests.
"""

import base64
import binascii
from collections.abc import Callable, Iterable
from typing import Final, Generic, TypeVar

from msgspec import Struct

from stepraft.interpreter.errors import Reason, Rejection
from stepraft.server.service import checks
from stepraft.server.service.signing import SIGNATURE_BYTES, Signer

PAGE_SIZE_DEFAULT: Final = 100
PAGE_SIZE_MAX: Final = 1000
CHUNK: Final = 64
"""How many rows a list reads at a time: they may be large."""

_ITEM_BYTES: Final = 512
"""What an item takes in an answer beside its texts and documents, rather more than less."""
_PURPOSE: Final = b"page"

Item = TypeVar("Item")


class Page(Struct, Generic[Item], frozen=True):
    """A portion of a list; an empty `next_token` says that nothing is left."""

    items: list[Item]
    next_token: str = ""


class PageRequest(Struct, frozen=True):
    """Which page: `size` 0 leaves its length to the server, an empty `token` means the first."""

    size: int = 0
    token: str = ""

    def checked_size(self) -> int:
        """Return how many items at most.

        Errors: INVALID_ARGUMENT.
        """
        return checks.between(self.size, 0, PAGE_SIZE_MAX, "page_size") or PAGE_SIZE_DEFAULT


def fitting(
    items: Iterable[Item], count_max: int, bytes_max: int, bytes_of: Callable[[Item], int]
) -> tuple[list[Item], bool]:
    """Return as many items as one answer holds, one at the least, and whether they are all."""
    taken: list[Item] = []
    total = 0
    for item in items:
        total += bytes_of(item) + _ITEM_BYTES
        if taken and (total > bytes_max or len(taken) == count_max):
            return taken, False
        taken.append(item)
    return taken, True


class Listing:
    """One kind of list with its filters: makes the tokens of its pages, and reads them."""

    def __init__(self, signer: Signer, kind: str, *filters: object) -> None:
        self._signer = signer
        self._scope = repr((kind, filters)).encode()

    def token(self, cursor: bytes) -> str:
        """Return the token of the page behind `cursor`."""
        signature = self._signer.sign(_PURPOSE, self._signed(cursor))
        return base64.urlsafe_b64encode(signature + cursor).decode()

    def cursor(self, token: str) -> bytes | None:
        """Return the cursor of a token; None for the first page.

        Errors: INVALID_PAGE_TOKEN.
        """
        if not token:
            return None
        try:
            text = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _invalid() from None
        signature, cursor = text[:SIGNATURE_BYTES], text[SIGNATURE_BYTES:]
        if not self._signer.is_signed(_PURPOSE, self._signed(cursor), signature):
            raise _invalid()
        return cursor

    def _signed(self, cursor: bytes) -> bytes:
        return self._scope + b"\0" + cursor


def _invalid() -> Rejection:
    return Rejection(
        Reason.INVALID_PAGE_TOKEN,
        "the token belongs to another list, or is damaged: leave it out to begin anew",
        field="page_token",
    )
