"""All that listens to the nodes, as one part: broker, its denials, ingest, relay, news, echo."""

from __future__ import annotations

from collections.abc import Sequence

from fleet_server.adapters import tls
from fleet_server.adapters.ca_files import INGEST
from fleet_server.adapters.database import SqlDatabase
from fleet_server.adapters.denials import Denials
from fleet_server.adapters.health import Checks
from fleet_server.adapters.ingest_client import IngestClient
from fleet_server.adapters.relay import Relay
from fleet_server.ports import Services, Subscriber
from fleet_server.telemetry.echo import EchoResponder
from fleet_server.telemetry.ingest import Ingest
from fleet_server.telemetry.store import Outcome


class Ears:
    """Made on the event loop; `start` and `stop` run its two threads."""

    def __init__(
        self, services: Services, database: SqlDatabase, subscribers: Sequence[Subscriber]
    ) -> None:
        settings = services.settings
        self._hub = services.hub
        self.echo = EchoResponder(services.publisher)
        self._relay = Relay([*subscribers, self.echo.on_stored])
        self._ingest = Ingest(database.write_connection, services.clock, self._deliver)
        self._client = IngestClient(
            settings.host, settings.broker_port, tls.broker_client(settings, INGEST), self._ingest
        )

        self._denials = Denials(settings.broker_folder, self._ingest)

    def checks(self) -> Checks:
        """What /readyz asks of it."""
        return {
            "broker_ingest": lambda: self._client.connected,
            "store": lambda: self._ingest.storing,
        }

    @property
    def subscriptions(self) -> int:
        """How often nodes have become audible."""
        return self._client.subscriptions

    def start(self) -> None:
        """Begins to listen."""
        self._denials.open()
        self._ingest.start()
        self._client.start()

    def stop(self) -> None:
        """Ends after the batch in hand: first the store, so that its acknowledgements leave."""
        self._denials.close()
        self._ingest.stop()
        self._client.stop()

    def _deliver(self, outcome: Outcome) -> None:
        self._hub.nodes_changed(outcome.changed)
        if outcome.refused:
            self._hub.publish("refusal", {"counts": outcome.refused})
        self._relay.put(outcome.stored)
