"""The node's certificate: read from the files of [tls], tried out, and read again when they change.

Everything that is wrong with the files is found when they are loaded: the node shakes hands with
itself, in memory, as every other node would with it. New connections use what the files held last;
those that are open stay as they are.
"""

import logging
import ssl
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final

from msgspec import Struct

from stepraft.server.raft.contract import StartError
from stepraft.server.raft.tls_wire import named_nodes, node_uri, reason_of
from stepraft.server.settings import TlsSection

_log: Final = logging.getLogger(__name__)

_LOOK_EVERY_S: Final = 5.0
_WARN_BEFORE_END_S: Final = 14 * 86_400.0
_WARN_EVERY_S: Final = 86_400.0

_Stamps = tuple[tuple[int, int, int], ...]
"""Of each file what changes when it does: inode, time of the last change (ns), size."""


class Loaded(Struct, frozen=True, kw_only=True):
    """What the files held when they were read; the contexts ask for TLS 1.3 and a certificate."""

    ca: bytes
    cert: bytes
    key: bytes
    for_dialling: ssl.SSLContext
    for_accepting: ssl.SSLContext
    ends_at: float
    """When the certificate ends, in seconds of Unix time."""


class Certificates:
    """A node's certificate, kept up to date by a thread of its own between `watch` and `close`.

    Errors: StartError, which names the key of [tls] and what is wrong with its file.
    """

    def __init__(self, files: TlsSection, cluster_id: str, node_id: str) -> None:
        self._files = files
        self._cluster_id = cluster_id
        self._node_id = node_id
        self._stamps = _stamps(files)
        self.now = self._load()
        self._is_closed = Event()
        self._thread: Thread | None = None
        self._warned_at = 0.0
        self._told = ""

    @property
    def for_dialling(self) -> ssl.SSLContext:
        """The context of connections that this node opens."""
        return self.now.for_dialling

    @property
    def for_accepting(self) -> ssl.SSLContext:
        """The context of connections that are opened to this node."""
        return self.now.for_accepting

    def watch(self) -> None:
        """Look at the files every few seconds, in a thread."""
        self._thread = Thread(target=self._watch, name="certificates", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        self._is_closed.set()
        if self._thread is not None:
            self._thread.join()

    def look(self) -> None:
        """Load the files if they have changed; what is wrong with them is logged, and not used."""
        try:
            stamps = _stamps(self._files)
            if stamps == self._stamps:
                return
            loaded = self._load()
            if _stamps(self._files) != stamps:
                # They are being written: certificate and key may not belong together yet.
                return
        except StartError as error:
            self._tell(str(error))
            return
        self._stamps = stamps
        self._told = ""
        self.now = loaded
        _log.info("new certificate loaded, valid until %s", _day(loaded.ends_at))

    def warn_before_end(self, at: float) -> None:
        """Say once a day that the certificate ends soon; `at` is the present in Unix seconds."""
        ends_at = self.now.ends_at
        if ends_at - at < _WARN_BEFORE_END_S and at - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = at
            _log.warning("the certificate %s ends on %s", self._files.cert, _day(ends_at))

    def _tell(self, fault: str) -> None:
        if fault != self._told:
            self._told = fault
            _log.error("the certificate in use stays: %s", fault)

    def _watch(self) -> None:
        while not self._is_closed.wait(_LOOK_EVERY_S):
            self.look()
            self.warn_before_end(time.time())

    def _load(self) -> Loaded:
        ca, cert, key = (
            _read(name, path)
            for name, path in (
                ("ca", self._files.ca),
                ("cert", self._files.cert),
                ("key", self._files.key),
            )
        )
        for_dialling = self._context(ssl.PROTOCOL_TLS_CLIENT, ca)
        for_accepting = self._context(ssl.PROTOCOL_TLS_SERVER, ca)
        # Every connection proves both certificates anew: no tickets that outlive one.
        for_accepting.num_tickets = 0
        certificate = _shake_hands(for_dialling, for_accepting, self._files)
        self._check_name(certificate)
        return Loaded(
            ca=ca,
            cert=cert,
            key=key,
            for_dialling=for_dialling,
            for_accepting=for_accepting,
            ends_at=ssl.cert_time_to_seconds(certificate["notAfter"]),
        )

    def _context(self, protocol: int, ca: bytes) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        # A node is known by the URI in its certificate, wherever it is reached.
        context.check_hostname = False
        context.verify_mode = ssl.CERT_REQUIRED
        _load_authority(context, ca, self._files.ca)
        _load_pair(context, self._files)
        return context

    def _check_name(self, certificate: dict[str, Any]) -> None:
        if self._node_id in named_nodes(certificate, self._cluster_id):
            return
        names = [name for kind, name in certificate.get("subjectAltName", ()) if kind == "URI"]
        raise StartError(
            f"tls.cert: {self._files.cert} is not the certificate of this node: it names "
            f"{', '.join(names) or 'no node'}, not {node_uri(self._cluster_id, self._node_id)}"
        )


def _stamps(files: TlsSection) -> _Stamps:
    """Errors: StartError when a file is not there."""
    found = []
    for name, path in (("ca", files.ca), ("cert", files.cert), ("key", files.key)):
        try:
            status = Path(path).stat()
        except OSError as error:
            raise _unreadable(name, path, error) from error
        found.append((status.st_ino, status.st_mtime_ns, status.st_size))
    return tuple(found)


def _read(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(name, path, error) from error


def _unreadable(name: str, path: str, error: OSError) -> StartError:
    return StartError(f"tls.{name}: cannot read {path}: {error.strerror}")


def _load_authority(context: ssl.SSLContext, ca: bytes, path: str) -> None:
    try:
        context.load_verify_locations(cadata=ca.decode("ascii"))
    except (ssl.SSLError, UnicodeDecodeError) as error:
        raise StartError(f"tls.ca: {path} holds no certificates in PEM") from error


def _load_pair(context: ssl.SSLContext, files: TlsSection) -> None:
    try:
        # The password, which a key without one does not need, keeps OpenSSL from asking for it.
        context.load_cert_chain(files.cert, files.key, password="")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            text = f"tls.key: {files.key} is not the key of the certificate {files.cert}"
        else:
            text = (
                f"tls.cert, tls.key: {files.cert} and {files.key} are no certificate and key in "
                f"PEM without a password ({reason_of(error)})"
            )
        raise StartError(text) from error
    except OSError as error:
        raise _unreadable("key", files.key, error) from error


def _shake_hands(
    dialling: ssl.SSLContext, accepting: ssl.SSLContext, files: TlsSection
) -> dict[str, Any]:
    """Connect the node with itself, in memory, and return its certificate as a peer sees it.

    Errors: StartError when a peer would refuse it: it has ended, is not the authority's, or is not
    made for both ends of a connection.
    """
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    dialler = dialling.wrap_bio(one, other, server_side=False)
    accepter = accepting.wrap_bio(other, one, server_side=True)
    try:
        while _is_waiting(dialler) | _is_waiting(accepter):
            pass
    except ssl.SSLError as error:
        raise StartError(f"tls.cert: {files.cert}: {reason_of(error)}") from error
    certificate = dialler.getpeercert()
    assert certificate is not None, "the handshake asks for a certificate"
    return dict(certificate)


def _is_waiting(end: ssl.SSLObject) -> bool:
    try:
        end.do_handshake()
    except ssl.SSLWantReadError:
        return True
    return False


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))
