"""Writes the configuration of the Mosquitto broker; starting it is its operator's business.

What Mosquitto 2.0 does with what a node may not do (held by tests on the real
broker): a certificate decides the user name AND the client id, so no node can
take over another's session; a SUBSCRIBE outside the own topics is answered
with failure 0x80 or matches nothing; a PUBLISH outside them is dropped, yet a
QoS 1 one is acknowledged all the same (MQTT 3.1.1 has no negative
acknowledgement), so a node never learns that it shouted into the void; the
operator does, where the broker runs with its log read (`broker_log`).
"""

from __future__ import annotations

import os
from pathlib import Path

from fleet_server.adapters.ca_files import BROKER, COMMAND, INGEST, load_issuing
from fleet_server.adapters.files import SECRET_MODE, make_folder, write_file
from fleet_server.adapters.gate import first_list
from fleet_server.settings import Settings
from protocols.limits import DOWN_BYTES
from protocols.topics import ALL_DOWN, ALL_UP, PREFIX

# The ingest takes this many unacknowledged messages at once; the default of 20
# would make every commit a batch of 20.
INFLIGHT_MESSAGES = 1000
# The default of 1,000 is lost silently beyond; a night of a server that is away
# fits: 10,761 nodes x 40 reports.
QUEUED_MESSAGES = 500_000
QUEUED_BYTES = 256 << 20
AUTOSAVE_S = 10
OPENSSL_CONFIG = "openssl.cnf"
# A resumed TLS session spares the look at the certificate, for hours: a revoked node would come
# back with a ticket it has kept. Mosquitto has no setting for it; OpenSSL's own has.
NO_SESSIONS = """\
# Written by fleet_server broker-config; changes are lost at its next run.
openssl_conf = cityfleet

[cityfleet]
ssl_conf = tls

[tls]
system_default = defaults

[defaults]
Options = -SessionTicket
"""


def write_config(settings: Settings, port: int) -> Path:
    """Writes mosquitto.conf and its access list under `broker/`; returns the former."""
    folder = settings.broker_folder
    make_folder(folder)
    make_folder(folder / "data")
    first_list(settings, load_issuing(settings))
    write_file(folder / "acl", access_list().encode(), SECRET_MODE)
    write_file(folder / OPENSSL_CONFIG, NO_SESSIONS.encode())
    path = config_path(settings)
    write_file(path, configuration(settings, port).encode(), SECRET_MODE)
    return path


def config_path(settings: Settings) -> Path:
    """Where mosquitto.conf stands."""
    return settings.broker_folder / "mosquitto.conf"


def access_list() -> str:
    """Who may read and write which topics; %u is the common name of the certificate."""
    return "\n".join(
        (
            f"user {INGEST}",
            f"topic read {ALL_UP}",
            "",
            f"user {COMMAND}",
            f"topic write {ALL_DOWN}",
            "",
            f"pattern write {PREFIX}/%u/up/#",
            f"pattern read {PREFIX}/%u/down/#",
            "",
        )
    )


def configuration(settings: Settings, port: int) -> str:
    """The text of mosquitto.conf."""
    ca = settings.ca_folder
    folder = settings.broker_folder
    lines = (
        "# Written by fleet_server broker-config; changes are lost at its next run.",
        "per_listener_settings false",
        *_user_line(),
        "allow_anonymous false",
        f"acl_file {folder / 'acl'}",
        "",
        "persistence true",
        f"persistence_location {folder / 'data'}/",
        f"autosave_interval {AUTOSAVE_S}",
        "",
        f"max_inflight_messages {INFLIGHT_MESSAGES}",
        f"max_queued_messages {QUEUED_MESSAGES}",
        f"max_queued_bytes {QUEUED_BYTES}",
        # Payload, topic and headers; a larger packet ends the connection.
        f"max_packet_size {DOWN_BYTES + 512}",
        "set_tcp_nodelay true",
        "",
        "log_dest stderr",
        "log_type error",
        "log_type warning",
        "log_type notice",
        "connection_messages false",
        "",
        f"listener {port} {settings.host}",
        f"cafile {ca / 'chain.pem'}",
        f"certfile {ca / (BROKER + '.pem')}",
        f"keyfile {ca / (BROKER + '.key')}",
        # Looked through for newer ones at every handshake; a file must be named, too, for
        # Mosquitto to ask for revocation at all.
        f"capath {settings.revoked_folder}",
        f"crlfile {next(settings.revoked_folder.glob('*.r0'))}",
        "tls_version tlsv1.2",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "",
    )
    return "\n".join(lines)


def _user_line() -> list[str]:
    # Started as root, the broker would become another user and lose sight of its key;
    # started as anybody else, it stays who it is.
    return ["user root"] if os.geteuid() == 0 else []
