"""Names to addresses, without holding up the Raft thread."""

import contextlib
import ipaddress
import socket
from threading import Thread


class Resolver:
    """Looks host names up, each in a thread that ends with its answer."""

    def __init__(self) -> None:
        self._running: set[str] = set()
        self._found: dict[str, str] = {}

    def resolve(self, host: str) -> str | None:
        """The address of `host`; None: not known yet, ask again a little later.

        An answer serves one call, so that a name that moves is followed.
        """
        if _is_address(host):
            return host
        address = self._found.pop(host, None)
        if address is None and host not in self._running:
            self._running.add(host)
            Thread(target=self._look_up, args=(host,), daemon=True, name="raft-resolve").start()
        return address

    def _look_up(self, host: str) -> None:
        # A name without an address is asked for again by the next call.
        with contextlib.suppress(OSError):
            self._found[host] = str(
                socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
            )
        self._running.discard(host)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
