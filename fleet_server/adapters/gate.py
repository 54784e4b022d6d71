"""Keeps revoked nodes out of broker and downloads, and puts one out that is in.

OpenSSL, in Mosquitto as in our node port, looks for a newer revocation list at every handshake:
files `<hash>.r0`, `.r1`, .. of `broker/revoked/`, each found when the one before it was there. So
a new list is a new file, and nobody is asked to load anything. A connection that stands is ended
by another one of the same name: a certificate of ours for a minute's use, whose key is never
kept, connects as the node, and the broker lets the older connection go.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from cryptography.hazmat.primitives import serialization

from fleet_server.adapters import ca_files
from fleet_server.adapters.files import make_folder, write_file
from fleet_server.ports import Clock
from fleet_server.provisioning.ca import Authority, Use, issue, new_key
from fleet_server.provisioning.revocation import revocation_list, revoked_serials, subject_hash
from fleet_server.settings import Settings

# Half of the five seconds in which a stolen node must be out.
DISCONNECT_S = 2.5
KEEPALIVE_S = 10
_CONNACK_BYTES = 4
_DISCONNECT = b"\xe0\x00"
_log = logging.getLogger("cityfleet.gate")


def first_list(settings: Settings, issuing: Authority) -> None:
    """Writes the empty list with which a fleet begins; without any, OpenSSL refuses everybody."""
    make_folder(settings.revoked_folder)
    path = _path(settings, issuing, 0)
    if not path.exists():
        write_file(path, revocation_list(issuing, {}))


def use_lists(settings: Settings, context: ssl.SSLContext) -> None:
    """Lets a context of ours refuse who is on the newest list."""
    context.load_verify_locations(capath=str(settings.revoked_folder))
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_LEAF


class BrokerGate:
    """Implements `ports.Gate`."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._issuing = ca_files.load_issuing(settings)
        self._lock = threading.Lock()

    def refuse(self, revoked: Mapping[str, int]) -> None:
        """See `ports.Gate.refuse`."""
        with self._lock:
            number = 0
            while (following := _path(self._settings, self._issuing, number + 1)).exists():
                number += 1
            newest = _path(self._settings, self._issuing, number).read_bytes()
            if revoked_serials(newest) == frozenset(revoked):
                return
            write_file(following, revocation_list(self._issuing, revoked, newest))

    def disconnect(self, node_id: str) -> bool:
        """See `ports.Gate.disconnect`."""
        place = (self._settings.host, self._settings.broker_port)
        try:
            with (
                socket.create_connection(place, DISCONNECT_S) as plain,
                self._context_as(node_id).wrap_socket(plain, server_hostname=place[0]) as line,
            ):
                line.sendall(_connect_packet(node_id))
                taken = line.recv(_CONNACK_BYTES)[-1:] == b"\x00"
                line.sendall(_DISCONNECT)
                return taken
        except OSError as error:
            # Without a broker nobody is connected, and its next start reads the list.
            _log.warning("%s could not be disconnected: %s", node_id, error)
            return False

    def _context_as(self, node_id: str) -> ssl.SSLContext:
        key = new_key()
        now_s = self._clock.system_now_s()
        leaf = issue(self._issuing, key.public_key(), node_id, Use.CLIENT, now_s, 1)
        context = ssl.create_default_context(cafile=str(self._settings.ca_folder / "root.pem"))
        # Python takes a key from a file only: in a folder for its owner, and gone at once.
        with TemporaryDirectory(dir=self._settings.data, prefix=".gate-") as folder:
            path = Path(folder) / "node.pem"
            secret = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            chain = [leaf, self._issuing.certificate]
            pem = [each.public_bytes(serialization.Encoding.PEM) for each in chain]
            write_file(path, secret + b"".join(pem), 0o600)
            context.load_cert_chain(str(path))
        return context


def _connect_packet(node_id: str) -> bytes:
    """CONNECT with a clean session: what waited for the node's old session goes with it."""
    name = node_id.encode()
    body = b"\x00\x04MQTT\x04\x02" + KEEPALIVE_S.to_bytes(2) + len(name).to_bytes(2) + name
    return bytes((0x10, len(body))) + body


def _path(settings: Settings, issuing: Authority, number: int) -> Path:
    return settings.revoked_folder / f"{subject_hash(issuing.certificate)}.r{number}"
