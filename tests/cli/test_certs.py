"""`stepraft certs`: what it makes, what it replaces, and what it refuses."""

import json
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from typer.testing import CliRunner, Result

from stepraft.cli.main import app
from stepraft.server.settings import TlsSection
from stepraft.server.tls import Certificates

Certs = Callable[..., Result]


@pytest.fixture
def certs(tmp_path: Path) -> Certs:
    """Run `certs` on a folder of its own."""

    def run(*options: str) -> Result:
        return CliRunner().invoke(app, ["certs", str(tmp_path / "certs"), *options])

    return run


def loaded(folder: Path, name: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "certs" / f"{name}.crt").read_bytes())


def other_names(certificate: x509.Certificate) -> list[object]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return [str(name.value) for name in extension.value]


def test_a_node_can_be_started_with_what_was_made(certs: Certs, tmp_path: Path) -> None:
    result = certs("--cluster", "shop", "--node", "n1=n1.example.com,10.0.0.1", "--json")

    at = tmp_path / "certs"
    names = ["ca.crt", "ca.key", "n1.crt", "n1.key"]
    files = TlsSection(ca=str(at / "ca.crt"), cert=str(at / "n1.crt"), key=str(at / "n1.key"))
    assert json.loads(result.stdout) == {
        "cluster_id": "shop",
        "files": [str(at / name) for name in names],
    }
    assert Certificates(files, "shop", "n1").now.cert == (at / "n1.crt").read_bytes()
    assert other_names(loaded(tmp_path, "n1")) == [
        "stepraft://shop/n1",
        "n1.example.com",
        "10.0.0.1",
        "localhost",
        "127.0.0.1",
        "::1",
    ]


def test_keys_are_for_their_owner_alone(certs: Certs, tmp_path: Path) -> None:
    certs("--node", "n1=localhost", "--client", "shop")

    modes = {
        path.name: path.stat().st_mode & 0o777 for path in sorted((tmp_path / "certs").iterdir())
    }
    assert modes == {
        "ca.crt": 0o644,
        "ca.key": 0o600,
        "client-shop.crt": 0o644,
        "client-shop.key": 0o600,
        "n1.crt": 0o644,
        "n1.key": 0o600,
    }
    assert (tmp_path / "certs").stat().st_mode & 0o777 == 0o700


def test_a_client_can_call_and_not_serve(certs: Certs, tmp_path: Path) -> None:
    certs("--client", "shop", "--days", "7")

    certificate = loaded(tmp_path, "client-shop")
    uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    left = certificate.not_valid_after_utc - datetime.now(UTC)
    assert list(uses) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert timedelta(days=6) < left <= timedelta(days=7)


def test_one_node_is_renewed_and_all_else_stays(certs: Certs, tmp_path: Path) -> None:
    certs("--node", "n1=localhost", "--node", "n2=localhost")
    before = {path.name: path.read_bytes() for path in (tmp_path / "certs").iterdir()}

    result = certs("--node", "n1=localhost", "--renew")

    after = {path.name: path.read_bytes() for path in (tmp_path / "certs").iterdir()}
    changed = sorted(name for name in after if after[name] != before.get(name))
    assert (result.exit_code, changed) == (0, ["n1.crt", "n1.key"])
    loaded(tmp_path, "n1").verify_directly_issued_by(loaded(tmp_path, "ca"))


def test_a_node_is_added_to_what_is_there(certs: Certs, tmp_path: Path) -> None:
    certs("--node", "n1=localhost")

    result = certs("--node", "n2=localhost")

    assert result.stdout.split() == [
        str(tmp_path / "certs" / name) for name in ("n2.crt", "n2.key")
    ]


def test_nodes_of_one_authority_trust_each_other(certs: Certs, tmp_path: Path) -> None:
    certs("--node", "n1=n1.example.com", "--client", "shop")
    at = tmp_path / "certs"
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=at / "ca.crt")
    serving.verify_mode = ssl.CERT_REQUIRED
    serving.load_cert_chain(at / "n1.crt", at / "n1.key")
    calling = ssl.create_default_context(cafile=at / "ca.crt")
    calling.verify_flags |= ssl.VERIFY_X509_STRICT
    calling.load_cert_chain(at / "client-shop.crt", at / "client-shop.key")
    one, other = ssl.MemoryBIO(), ssl.MemoryBIO()
    caller = calling.wrap_bio(one, other, server_hostname="n1.example.com")
    server = serving.wrap_bio(other, one, server_side=True)

    with pytest.raises(ssl.SSLWantReadError):
        caller.do_handshake()
    with pytest.raises(ssl.SSLWantReadError):
        server.do_handshake()
    caller.do_handshake()
    server.do_handshake()

    shown = server.getpeercert()
    assert shown is not None
    assert shown["subject"] == ((("commonName", "shop"),),)


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        pytest.param([], 2, "nothing to make", id="nothing"),
        pytest.param(["--node", "n1"], 2, "'n1' names no host", id="no host"),
        pytest.param(["--node", "n1=a:7400"], 2, "'a:7400' is no host name", id="a port"),
        pytest.param(["--node", "n1=a b"], 2, "'a b' is no host name", id="no host name"),
        pytest.param(["--node", "../n1=a"], 2, "--node: '../n1' is no name", id="a path"),
        pytest.param(["--client", "a/b"], 2, "--client: 'a/b' is no name", id="a client's path"),
        pytest.param(["--cluster", "a/b", "--node", "n2=a"], 2, "--cluster: 'a/b'", id="cluster"),
        pytest.param(["--node", "ca=a"], 2, "ca.crt would be the file", id="the authority's name"),
        pytest.param(["--node", "a=b", "--node", "a=c"], 2, "a.crt would be", id="a node twice"),
        pytest.param(["--node", "n2=a", "--days", "3651"], 2, "--days", id="longer than any"),
        pytest.param(["--node", "n1=a"], 5, "n1.crt is there already", id="there already"),
        pytest.param(["--node", "n2=a", "--cluster", "x"], 1, "of cluster 'x'", id="other cluster"),
        pytest.param(["--node", "n2=a", "--days", "3650"], 1, "the authority ends on", id="long"),
    ],
)
def test_what_cannot_be_made_is_refused_and_nothing_is_written(
    options: list[str], code: int, text: str, certs: Certs, tmp_path: Path
) -> None:
    certs("--node", "n1=localhost")
    before = {path.name: path.read_bytes() for path in (tmp_path / "certs").iterdir()}

    result = certs(*options)

    assert (result.exit_code, text in result.stderr) == (code, True), result.stderr
    assert {path.name: path.read_bytes() for path in (tmp_path / "certs").iterdir()} == before


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        pytest.param("ca.key", None, "cannot read", id="no key"),
        pytest.param("ca.key", "nonsense", "no certificate and key", id="nonsense"),
        pytest.param("ca.key", "other", "ca.key is not the key of", id="another's key"),
        pytest.param("ca.crt", "other", "ca.key is not the key of", id="another's certificate"),
    ],
)
def test_an_authority_that_is_not_whole_signs_nothing(
    name: str, content: str | None, text: str, certs: Certs, tmp_path: Path
) -> None:
    certs("--node", "n1=localhost")
    other = tmp_path / "other"
    CliRunner().invoke(app, ["certs", str(other), "--node", "n1=localhost"])
    path = tmp_path / "certs" / name
    match content:
        case None:
            path.unlink()
        case "other":
            path.write_bytes((other / name).read_bytes())
        case _:
            path.write_text(content)

    result = certs("--node", "n2=localhost")

    assert (result.exit_code, text in result.stderr) == (1, True), result.stderr


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = CliRunner().invoke(app, ["certs", str(tmp_path / "file" / "x"), "--node", "n1=a"])

    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: cannot write {tmp_path / 'file'}")
