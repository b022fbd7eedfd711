"""How a client makes sure whom it talks to, and shows who it is."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeAlias

import grpc

File: TypeAlias = str | PathLike[str]

_Stamps: TypeAlias = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Files in PEM, as `stepraft certs` makes them.

    `ca` holds the authorities that a node's certificate has to come from. `cert` and `key` are the
    client's own, for clusters that ask clients for one. Connections are opened with what the files
    hold then, so a renewed certificate needs no restart.

    Errors: ValueError when only one of `cert` and `key` is given.
    """

    ca: File
    cert: File | None = None
    key: File | None = None

    def __post_init__(self) -> None:
        if (self.cert is None) is not (self.key is None):
            missing = "key" if self.key is None else "cert"
            raise ValueError(f"tls.{missing}: certificate and key are given together, or neither")


class Credentials:
    """What channels show, from files that may change.

    Errors: ValueError, which names the file and says what is wrong with it.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._stamps = self._look()
        self._now = self._load()

    @property
    def now(self) -> grpc.ChannelCredentials:
        """The credentials of the files as they are; the last good ones while a file is not right.

        The same object as long as nothing changes.
        """
        try:
            stamps = self._look()
            if stamps != self._stamps:
                self._now = self._load()
                self._stamps = stamps
        except ValueError:
            # They are being replaced: the next connection finds them whole.
            return self._now
        return self._now

    def _look(self) -> _Stamps:
        found = []
        for name, file in self._given():
            with _named(name, file):
                status = Path(file).stat()
            found.append((status.st_ino, status.st_mtime_ns, status.st_size))
        return tuple(found)

    def _load(self) -> grpc.ChannelCredentials:
        """Errors: ValueError. gRPC itself would only ever say that it cannot connect."""
        content: dict[str, bytes] = {}
        for name, file in self._given():
            with _named(name, file):
                content[name] = Path(file).read_bytes()
        self._check(content["ca"])
        return grpc.ssl_channel_credentials(
            root_certificates=content["ca"],
            private_key=content.get("key"),
            certificate_chain=content.get("cert"),
        )

    def _check(self, ca: bytes) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(cadata=ca.decode("ascii"))
        except (ssl.SSLError, UnicodeDecodeError) as error:
            raise ValueError(f"tls.ca: {self._files.ca} holds no certificates in PEM") from error
        cert, key = self._files.cert, self._files.key
        if cert is None:
            return
        try:
            # The password, which a key without one does not need, keeps OpenSSL from asking for it.
            context.load_cert_chain(cert, key, password="")
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise ValueError(f"tls.key: {key} is not the key of {cert}") from error
            text = f"tls.cert: {cert} and {key} are no certificate and key without a password"
            raise ValueError(text) from error

    def _given(self) -> tuple[tuple[str, File], ...]:
        named = (("ca", self._files.ca), ("cert", self._files.cert), ("key", self._files.key))
        return tuple((name, file) for name, file in named if file is not None)


@contextmanager
def _named(name: str, file: File) -> Iterator[None]:
    """Turn an error of the system into one that names the file."""
    try:
        yield
    except OSError as error:
        raise ValueError(f"tls.{name}: cannot read {file}: {error.strerror}") from error
