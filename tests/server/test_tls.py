"""The node's certificate: what is said about files that cannot be used, and how it is renewed."""

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest
from cryptography.hazmat.primitives import serialization

from stepraft.server.raft.contract import StartError
from stepraft.server.settings import TlsSection
from stepraft.server.tls import Certificates
from tests.certificates import files_of, make_authority, make_client, make_node

Spoil = Callable[[Path], TlsSection]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the certificates of n1 and n2."""
    authority = make_authority(tmp_path)
    make_node(tmp_path, authority, "n1")
    make_node(tmp_path, authority, "n2")
    return tmp_path


def load(files: TlsSection) -> Certificates:
    return Certificates(files, "tests", "n1")


def missing(folder: Path) -> TlsSection:
    (folder / "n1.key").unlink()
    return files_of(folder, "n1")


def no_authority(folder: Path) -> TlsSection:
    (folder / "ca.crt").write_text("no certificate")
    return files_of(folder, "n1")


def no_certificate(folder: Path) -> TlsSection:
    (folder / "n1.crt").write_text("no certificate")
    return files_of(folder, "n1")


def locked_key(folder: Path) -> TlsSection:
    path = folder / "n1.key"
    key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    return files_of(folder, "n1")


def key_of_another(folder: Path) -> TlsSection:
    (folder / "n2.key").rename(folder / "n1.key")
    return files_of(folder, "n1")


def of_another_authority(folder: Path) -> TlsSection:
    make_node(folder, make_authority(folder / "other"), "n1")
    return files_of(folder, "n1")


def of_another_node(folder: Path) -> TlsSection:
    return files_of(folder, "n2")


def of_another_cluster(folder: Path) -> TlsSection:
    authority = make_authority(folder, "other")
    return make_node(folder, authority, "n1", "other")


def of_a_client(folder: Path) -> TlsSection:
    return make_client(folder, make_authority(folder), "n1")


def ended(folder: Path) -> TlsSection:
    return make_node(folder, make_authority(folder), "n1", age_days=20, days=10)


def not_begun(folder: Path) -> TlsSection:
    return make_node(folder, make_authority(folder), "n1", age_days=-1)


@pytest.mark.parametrize(
    ("spoil", "text"),
    [
        pytest.param(missing, "tls.key: cannot read {0}/n1.key: No such file or directory"),
        pytest.param(no_authority, "tls.ca: {0}/ca.crt holds no certificates in PEM"),
        pytest.param(
            no_certificate,
            "tls.cert, tls.key: {0}/n1.crt and {0}/n1.key are no certificate and key in PEM without"
            " a password",
        ),
        pytest.param(
            locked_key,
            "tls.cert, tls.key: {0}/n1.crt and {0}/n1.key are no certificate and key in PEM without"
            " a password",
        ),
        pytest.param(
            key_of_another, "tls.key: {0}/n1.key is not the key of the certificate {0}/n1.crt"
        ),
        pytest.param(
            of_another_authority,
            "tls.cert: {0}/n1.crt: the certificate is refused: unable to get local issuer"
            " certificate",
        ),
        pytest.param(
            of_another_node,
            "tls.cert: {0}/n2.crt is not the certificate of this node: it names"
            " stepraft://tests/n2, not stepraft://tests/n1",
        ),
        pytest.param(
            of_another_cluster,
            "tls.cert: {0}/n1.crt is not the certificate of this node: it names"
            " stepraft://other/n1, not stepraft://tests/n1",
        ),
        pytest.param(
            of_a_client,
            "tls.cert: {0}/client-n1.crt: the certificate is refused: unsuitable certificate"
            " purpose",
        ),
        pytest.param(
            ended, "tls.cert: {0}/n1.crt: the certificate is refused: certificate has expired"
        ),
        pytest.param(
            not_begun,
            "tls.cert: {0}/n1.crt: the certificate is refused: certificate is not yet valid",
        ),
    ],
)
def test_what_is_wrong_with_the_files_is_said_by_key(spoil: Spoil, text: str, folder: Path) -> None:
    files = spoil(folder)

    with pytest.raises(StartError) as refused:
        load(files)

    assert str(refused.value).partition(" (")[0] == text.format(folder)


def test_renewed_files_are_loaded_and_others_left_alone(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    certificates = load(files_of(folder, "n1"))
    first = certificates.now

    certificates.look()
    unchanged = certificates.now
    make_node(folder, make_authority(folder), "n1")
    certificates.look()

    assert unchanged is first
    assert certificates.now.cert == (folder / "n1.crt").read_bytes() != first.cert
    assert certificates.for_accepting is certificates.now.for_accepting
    assert [text.partition(",")[0] for text in caplog.messages] == ["new certificate loaded"]


@pytest.mark.parametrize("spoil", [missing, no_certificate, key_of_another, ended])
def test_files_that_cannot_be_used_do_not_replace_those_that_could(
    spoil: Spoil, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    certificates = load(files_of(folder, "n1"))
    first = certificates.now
    spoil(folder)

    certificates.look()
    kept = certificates.now
    make_node(folder, make_authority(folder), "n1")
    certificates.look()

    assert kept is first
    assert certificates.now is not first
    assert caplog.messages[0].startswith("the certificate in use stays: tls.")


def test_the_same_fault_is_logged_once(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    certificates = load(files_of(folder, "n1"))
    missing(folder)

    for _ in range(3):
        certificates.look()

    assert len(caplog.messages) == 1


@pytest.mark.parametrize(("days", "is_told"), [(13, True), (15, False)])
def test_a_certificate_that_ends_soon_is_told_once_a_day(
    days: int, is_told: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = make_node(tmp_path, make_authority(tmp_path), "n1", days=days)
    certificates = load(files)
    caplog.clear()
    at = certificates.now.ends_at - days * 86_400

    for hours in (0, 1, 23):
        certificates.warn_before_end(at + hours * 3600)

    assert len(caplog.messages) == int(is_told)


def test_a_renewed_certificate_is_found_without_being_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stepraft.server.tls._LOOK_EVERY_S", 0.01)
    certificates = load(files_of(folder, "n1"))
    first = certificates.now
    pause = Event()
    certificates.watch()
    try:
        make_node(folder, make_authority(folder), "n1")
        for _ in range(2000):
            if certificates.now is not first:
                break
            pause.wait(0.01)
    finally:
        certificates.close()

    assert certificates.now.cert == (folder / "n1.crt").read_bytes()
