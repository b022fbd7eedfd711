"""Who asks: the one place that decides for which tenant a request is."""

from typing import Final

from msgspec import Struct


class Caller(Struct, frozen=True):
    """The one who asks; what belongs to other tenants does not exist for them.

    `namespace`: the only one that ids may be of in this request; empty means any of the tenant's.
    """

    tenant: str
    namespace: str = ""


ANYBODY: Final = Caller(tenant="default")
"""Without authentication all callers are one tenant."""


def within(namespace: str) -> Caller:
    """Return the caller of a request that speaks of one namespace; empty means any."""
    return Caller(tenant=ANYBODY.tenant, namespace=namespace) if namespace else ANYBODY
