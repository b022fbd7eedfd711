"""Who asks: the one place that decides for which tenant a request is."""

from typing import Final

from msgspec import Struct


class Caller(Struct, frozen=True):
    """The one who asks; what belongs to other tenants does not exist for them."""

    tenant: str


ANYBODY: Final = Caller(tenant="default")
"""Without authentication all callers are one tenant."""
