"""A node in the last weeks of its certificate, the fleet server and the broker as they ship."""

from __future__ import annotations

import time
from pathlib import Path

from cryptography import x509

from fleet_server.adapters import ca_files
from fleet_server.adapters.ca_files import load_issuing
from fleet_server.provisioning.ca import Use, issue, new_key
from fleet_server.provisioning.models import Certificate
from fleet_server.provisioning.service import certificates_of
from fleet_server.registry.models import Node as RegisteredNode
from fleet_server.settings import Settings
from tests.scenarios.test_commands_survive import Desk, street
from tests.scenarios.test_server_killed_under_load import serving
from tests.support.broker import wait_for
from tests.support.data_folder import data_folder, database_of, register_nodes
from tests.support.ports import free_port
from tests.unit.firmware.lab.authority import Authority, Identity
from tests.unit.firmware.lab.node import Node, power

NODE = "pk-sb-001"
DAY_S = 86400
WAIT_S = 30.0


class FleetAuthority(Authority):
    """The fleet's own CA, in the place of a laboratory's: certificates in their last ten days."""

    def __init__(self, settings: Settings) -> None:
        issuing = load_issuing(settings)
        root = x509.load_pem_x509_certificate(ca_files.certificate_pem(settings, "root").encode())
        self.issuing = Identity(issuing.key, issuing.certificate)
        # Its key is offline; only the certificate is asked for.
        self.root = Identity(issuing.key, root)
        self._settings = settings

    def issue(self, name: str, days: int = 10) -> Identity:
        """An enrolment of two years ago."""
        key = new_key()
        began_s = int(time.time()) - 700 * DAY_S
        authority = load_issuing(self._settings)
        certificate = issue(authority, key.public_key(), name, Use.CLIENT, began_s, 700 + days)
        return Identity(key, certificate)


def test_a_node_renews_its_certificate_before_it_ends(tmp_path: Path) -> None:
    settings = data_folder(tmp_path / "data", free_port())
    authority = FleetAuthority(settings)
    node = Node(
        tmp_path / "node",
        authority,
        NODE,
        "smart_bin",
        settings.broker_port,
        renew_check_s=1,
    )
    old = x509.load_der_x509_certificate((node.folder / "identity" / "cert.der").read_bytes())
    old_end_s = int(old.not_valid_after_utc.timestamp())
    with street(settings) as (_, _, token):
        _register(settings, old)
        with serving(settings) as server, Desk(server, token) as desk:
            assert desk.get(f"nodes/{NODE}")["certificate_not_after_s"] == old_end_s
            with power(node):

                def renewed() -> bool:
                    end_s = desk.get(f"nodes/{NODE}")["certificate_not_after_s"]
                    return end_s > old_end_s + 365 * DAY_S

                wait_for(renewed, "the new certificate in use", WAIT_S)
                names = [event["name"] for event in desk.get(f"nodes/{NODE}/events")["events"]]
                assert "certificate_renewed" in names
                assert "certificate_renewal_failed" not in names
            # From now on the new one alone: the old pair is gone from the flash.
            for name in ("key.der", "cert.der"):
                (node.folder / "identity" / name).unlink()
            seen_s = desk.get(f"nodes/{NODE}")["last_seen_s"]
            with power(node):
                wait_for(
                    lambda: desk.get(f"nodes/{NODE}")["last_seen_s"] > seen_s + 1,
                    "reports under the new certificate",
                    WAIT_S,
                )
        assert len(_serials(settings)) == 2


def _serials(settings: Settings) -> list[str]:
    """The serials of the node's certificates: no more than were needed."""
    with database_of(settings) as database:
        return [entry["serial"] for entry in certificates_of(database, NODE)]


def _register(settings: Settings, certificate: x509.Certificate) -> None:
    """The node as its enrolment left it."""
    with database_of(settings) as database:
        register_nodes(database, NODE, kind="smart_bin")
        with database.write() as session:
            node = session.get(RegisteredNode, NODE)
            assert node is not None
            node.certificate_serial = f"{certificate.serial_number:040x}"
            session.add(node)
            session.add(
                Certificate(
                    serial=node.certificate_serial,
                    node_id=NODE,
                    pem="",
                    issued_s=int(time.time()) - 700 * DAY_S,
                    not_before_s=int(certificate.not_valid_before_utc.timestamp()),
                    not_after_s=int(certificate.not_valid_after_utc.timestamp()),
                )
            )
