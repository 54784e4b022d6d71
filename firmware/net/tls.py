"""A TLS context from the node's files."""

import tls


def tls_context(ca: bytes, certificate: bytes, key: bytes) -> object:
    """A client context that demands a good server certificate; ValueError where a part is bad."""
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    # MicroPython takes the bytes themselves; a path would be read as a damaged key.
    context.load_verify_locations(ca)
    context.load_cert_chain(certificate, key)
    return context
