"""The node's certificate in gRPC's terms: for its port, and for its channels to other nodes."""

import grpc

from stepraft.server.tls import Certificates, Loaded


def for_port(certificates: Certificates, *, are_clients_asked: bool) -> grpc.ServerCredentials:
    """Return credentials that show, at each new connection, what the files held last.

    `are_clients_asked`: who connects has to show a certificate of the same authority.
    """
    shown = certificates.now

    def changed() -> grpc.ServerCertificateConfiguration | None:
        nonlocal shown
        if certificates.now is shown:
            return None
        shown = certificates.now
        return _configuration(shown)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(shown),
        # The stubs do not know that None means: as before.
        changed,  # type: ignore[arg-type]
        require_client_authentication=are_clients_asked,
    )


def for_channel(loaded: Loaded) -> grpc.ChannelCredentials:
    """Return the credentials of a node that calls another one."""
    return grpc.ssl_channel_credentials(
        root_certificates=loaded.ca, private_key=loaded.key, certificate_chain=loaded.cert
    )


def _configuration(loaded: Loaded) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(loaded.key, loaded.cert)], root_certificates=loaded.ca
    )
