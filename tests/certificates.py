"""Certificates for tests: good ones, and each kind of bad one."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stepraft.cli.authority import Authority
from stepraft.server.settings import TlsSection

NOW = datetime.now(UTC)


def make_authority(folder: Path, cluster_id: str = "tests") -> Authority:
    """Make a folder with an authority in it."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = Authority.make(cluster_id, NOW - timedelta(days=100), 3650)
    authority.save(folder)
    return authority


def make_node(
    folder: Path,
    authority: Authority,
    node_id: str,
    cluster_id: str = "tests",
    *,
    age_days: int = 0,
    days: int = 30,
) -> TlsSection:
    """Make a node's certificate, `age_days` ago, and return its files."""
    folder.mkdir(parents=True, exist_ok=True)
    made_at = NOW - timedelta(days=age_days)
    authority.sign_node(folder, cluster_id, node_id, ("127.0.0.1",), made_at, days)
    return files_of(folder, node_id)


def make_client(folder: Path, authority: Authority, client: str) -> TlsSection:
    """Make a client's certificate, and return its files."""
    folder.mkdir(parents=True, exist_ok=True)
    authority.sign_client(folder, client, NOW, 30)
    return files_of(folder, f"client-{client}")


def files_of(folder: Path, name: str) -> TlsSection:
    """Return the files of one certificate, the authority's beside it."""
    return TlsSection(
        ca=str(folder / "ca.crt"),
        cert=str(folder / f"{name}.crt"),
        key=str(folder / f"{name}.key"),
    )


def calling_context(files: TlsSection | None = None) -> ssl.SSLContext:
    """Return the context of a caller that believes everybody, with a certificate or without."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if files is not None:
        context.load_cert_chain(files.cert, files.key)
    return context


def serving_context(files: TlsSection) -> ssl.SSLContext:
    """Return the context of a server that asks nobody for a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.cert, files.key)
    return context
