"""TLS contexts of the server's own ends: towards the broker, and for the node port."""

from __future__ import annotations

import ssl

from fleet_server.adapters.ca_files import NODE_PORT
from fleet_server.adapters.gate import use_lists
from fleet_server.settings import Settings

# What mbed TLS on a node and OpenSSL share for P-256 keys, with forward secrecy.
CIPHERS = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"


def broker_client(settings: Settings, identity: str) -> ssl.SSLContext:
    """Speaks to the broker as `identity`, checks that it is our broker."""
    folder = settings.ca_folder
    context = ssl.create_default_context(cafile=str(folder / "root.pem"))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(str(folder / f"{identity}.pem"), str(folder / f"{identity}.key"))
    return context


def node_port(settings: Settings) -> ssl.SSLContext:
    """Serves who shows a certificate of the fleet."""
    folder = settings.ca_folder
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.load_cert_chain(str(folder / f"{NODE_PORT}.pem"), str(folder / f"{NODE_PORT}.key"))
    context.load_verify_locations(str(folder / "chain.pem"))
    context.verify_mode = ssl.CERT_REQUIRED
    use_lists(settings, context)
    # A resumed session would spare the look at the list.
    context.options |= ssl.OP_NO_TICKET
    context.num_tickets = 0
    return context
