"""Makes certificates: an authority for one cluster, and what it signs for nodes and clients.

A node's certificate names the node by the URI `stepraft://{cluster}/{node}`, which other nodes look
at, and its hosts, which clients look at. It serves for both ends of a connection; a client's for
the calling end only. Keys are P-256.
"""

import ipaddress
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from stepraft.server.raft.tls_wire import node_uri

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
"""In every node's certificate, so that a node can be asked on its own machine."""

_CLOCK_SKEW: Final = timedelta(hours=1)
"""How far the clock of a machine may be behind that of the one that makes the certificates."""

_BOTH_ENDS: Final = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
_CALLING_END: Final = (ExtendedKeyUsageOID.CLIENT_AUTH,)


class AuthorityError(Exception):
    """The files of the authority cannot be used; the text names the file and says why."""


class Authority:
    """The CA of one cluster."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self.certificate = certificate
        self._key = key

    @classmethod
    def make(cls, cluster_id: str, now: datetime, days: int) -> Self:
        """Return a new authority, valid for so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name(f"Stepraft authority of {cluster_id}")
        builder = (
            _builder(name, name, key.public_key(), now, days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(_authority_names(cluster_id), critical=False)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def load(cls, folder: Path, cluster_id: str) -> Self:
        """Return the authority whose files, `ca.crt` and `ca.key`, are in a folder.

        Errors: AuthorityError: a file cannot be read, they do not belong together, or the authority
        is another cluster's.
        """
        cert_path, key_path = folder / "ca.crt", folder / "ca.key"
        try:
            certificate = x509.load_pem_x509_certificate(cert_path.read_bytes())
            key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
        except OSError as error:
            raise AuthorityError(f"cannot read {error.filename}: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            text = f"{cert_path} and {key_path} are no certificate and key in PEM"
            raise AuthorityError(text) from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not _belongs(key, certificate):
            raise AuthorityError(f"{key_path} is not the key of {cert_path}")
        if not _is_of(certificate, cluster_id):
            raise AuthorityError(f"{cert_path} is not the authority of cluster {cluster_id!r}")
        return cls(certificate, key)

    def save(self, folder: Path) -> None:
        """Write `ca.crt` and `ca.key`."""
        _write_pair(folder, "ca", self.certificate, self._key)

    def sign_node(
        self,
        folder: Path,
        cluster_id: str,
        node_id: str,
        hosts: tuple[str, ...],
        now: datetime,
        days: int,
    ) -> None:
        """Write `{node_id}.crt` and `{node_id}.key` into a folder, a new key each time.

        Errors: AuthorityError when the authority ends before the certificate would.
        """
        names: list[x509.GeneralName] = [
            x509.UniformResourceIdentifier(node_uri(cluster_id, node_id))
        ]
        names += [_host_name(host) for host in dict.fromkeys((*hosts, *LOCAL_HOSTS))]
        self._sign(folder, node_id, node_id, names, _BOTH_ENDS, now, days)

    def sign_client(self, folder: Path, client: str, now: datetime, days: int) -> None:
        """Write `client-{client}.crt` and its key into a folder, a new key each time.

        Errors: AuthorityError, as `sign_node`.
        """
        self._sign(folder, f"client-{client}", client, [], _CALLING_END, now, days)

    def _sign(
        self,
        folder: Path,
        file_name: str,
        subject: str,
        names: list[x509.GeneralName],
        purposes: tuple[x509.ObjectIdentifier, ...],
        now: datetime,
        days: int,
    ) -> None:
        ends_at = self.certificate.not_valid_after_utc
        if now + timedelta(days=days) > ends_at:
            text = f"the authority ends on {ends_at:%Y-%m-%d}, before a certificate of {days} days"
            raise AuthorityError(text)
        key = ec.generate_private_key(ec.SECP256R1())
        own_key_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        builder = (
            _builder(_name(subject), self.certificate.subject, key.public_key(), now, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(own_key_id, critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        _write_pair(folder, file_name, builder.sign(self._key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    days: int,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    # The standard ends a common name at 64 characters; the whole name is in the alternative names.
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])


def _authority_names(cluster_id: str) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.UniformResourceIdentifier(_authority_uri(cluster_id))])


def _authority_uri(cluster_id: str) -> str:
    return f"stepraft://{cluster_id}"


def _is_of(certificate: x509.Certificate, cluster_id: str) -> bool:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return _authority_uri(cluster_id) in uris


def _belongs(key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> bool:
    return key.public_key() == certificate.public_key()


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _write_pair(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _replace(folder / f"{name}.key", pem, mode=0o600)
    _replace(
        folder / f"{name}.crt",
        certificate.public_bytes(serialization.Encoding.PEM),
        mode=0o644,
    )


def _replace(path: Path, content: bytes, mode: int) -> None:
    """Write a file whole or not at all; nobody else can read a key, not even for a moment."""
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    partial.replace(path)
