"""The node's own key and certificate, and the CA it believes, as a TLS context."""

import tls

from firmware.core.errors import ConfigError
from firmware.core.limits import CONFIG_BYTES
from firmware.core.storage import read_file

_FOLDER = "identity/"


class IdentityError(ConfigError):
    """A file of the identity is missing or damaged: the node cannot prove who it is."""

    name = "identity_damaged"


def tls_context() -> object:
    """A client context that demands a good server certificate.

    Raises:
        IdentityError: naming the file.
    """
    files = []
    for name in ("ca.der", "cert.der", "key.der"):
        data = read_file(_FOLDER + name, CONFIG_BYTES)
        if data is None:
            raise IdentityError(name + " is missing")
        files.append(data)
    context = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)
    context.verify_mode = tls.CERT_REQUIRED
    try:
        # MicroPython takes the bytes themselves; a path would be read as a damaged key.
        context.load_verify_locations(files[0])
        context.load_cert_chain(files[1], files[2])
    except (ValueError, OSError) as error:
        raise IdentityError(repr(error)) from None
    return context
