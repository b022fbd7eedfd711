"""The cluster's secret, and the signatures made with it: what a client hands back unchanged is
known again.
"""

import hmac
import os
from typing import Final

from stepraft.interpreter.commands import CreateClusterSecret
from stepraft.server.engine.partition import Partition
from stepraft.server.service import partitions
from stepraft.storage import keys

SIGNATURE_BYTES: Final = 16
_SECRET_BYTES: Final = 32
_NOT_YET: Final = "it has not heard of the cluster's secret yet"


class Signer:
    """Signs with one secret. Texts signed for different purposes have different signatures."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def sign(self, purpose: bytes, text: bytes) -> bytes:
        """Return the signature: HMAC-SHA256, its first 16 bytes."""
        return hmac.digest(self._secret, purpose + b"\0" + text, "sha256")[:SIGNATURE_BYTES]

    def is_signed(self, purpose: bytes, text: bytes, signature: bytes) -> bool:
        """Whether `signature` is that of `text`; takes as long whatever it is."""
        return hmac.compare_digest(self.sign(purpose, text), signature)


class ClusterSecret:
    """The secret that all nodes share; a cluster gets it with its first epoch, and keeps it."""

    def __init__(self, home: Partition) -> None:
        self._home = home
        self._signer: Signer | None = None

    async def signer(self, *, stale: bool = False) -> Signer:
        """Return what signs with the secret.

        Errors: NotLeading when this node does not know it yet and does not lead; for a stale read
        NO_STATE.
        """
        if self._signer is None:
            secret = self._home.store.get(keys.SECRET)
            while secret is None:
                if stale:
                    raise partitions.no_state(self._home, _NOT_YET)
                command = CreateClusterSecret(secret=os.urandom(_SECRET_BYTES))
                await partitions.submit(self._home, command)
                secret = self._home.store.get(keys.SECRET)
            self._signer = Signer(secret)
        return self._signer
