"""A node as the server sees it: the messages that it sends, without firmware or network.

It keeps the rules of the contract that matter to the server: numbered messages, a last will and a
last gasp numbered when the connection is made, desired documents taken over whole and reported,
updates verified, tried and confirmed or refused by name. The real firmware is tested elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fleet_server.telemetry.refusals import Message
from ota.verify.errors import UpdateError
from ota.verify.release import verify_manifest
from protocols import messages, topics
from protocols.errors import ProtocolError
from protocols.fields import KIND_CODES, scaled

Download = Callable[[str], Path | None]
NO_READINGS: dict[str, Any] = {}


@dataclass(slots=True)
class NodeModel:
    """One node.

    Attributes:
        trust: Key id -> point, as in its trust.json.
        breaks: An application version that never gets through its trial.
        answers: Whether it reacts to desired documents at all.
        sleep_s: City seconds between its reports, if it sleeps between them.
    """

    node_id: str
    kind: str = "streetlight"
    trust: dict[str, bytes] = field(default_factory=dict[str, bytes])
    boot: int = 1
    seq: int = 0
    version: int = 0
    document: dict[str, Any] = field(default_factory=dict[str, Any])
    app: str = "1.0.0"
    counter: int = 1
    error: str | None = None
    breaks: str = ""
    answers: bool = True
    sleep_s: int | None = None
    gasp_seq: int = 0
    will_seq: int = 0

    def connect(self, at_s: int) -> list[Message]:
        """A new connection: cold boot event, then state and a report."""
        booted = self._event(at_s, messages.BOOTED, {"app": self.app, "counter": self.counter})
        self.will_seq, self.gasp_seq = self._next(), self._next()
        return [booted, self.state(at_s), self.report(at_s)]

    def reboot(self) -> None:
        """Power came back."""
        self.boot += 1
        self.seq = 0

    def report(self, at_s: int, readings: dict[str, Any] = NO_READINGS) -> Message:
        """One report; a streetlight's mains are there unless the readings say otherwise."""
        values: dict[str, Any] = {"faults": 0, "desired_version": self.version}
        if self.kind == "streetlight":
            values |= {"mains_voltage_v": 228.5, "level_percent": 100}
        code = KIND_CODES[self.kind]
        row = scaled(code, values | readings)
        payload = messages.encode_report(code, self.boot, self._next(), at_s, row)
        return Message(topics.up(self.node_id, "report"), payload)

    def last_gasp(self, at_s: int) -> Message:
        """The mains are gone; numbered long ago."""
        return self._event(at_s, messages.LAST_GASP, {}, self.gasp_seq)

    def last_will(self, at_s: int) -> Message:
        """What the broker says for it; its time is that of the connection."""
        return self._event(at_s, messages.OFFLINE, {}, self.will_seq)

    def mains_restored(self, at_s: int) -> Message:
        """The mains came back before the capacitor was empty."""
        said = self._event(at_s, messages.MAINS_RESTORED, {})
        self.gasp_seq = self._next()
        return said

    def flood_level(self, at_s: int, level: object) -> Message:
        """A gauge's flood alarm level changed."""
        detail: dict[str, object] = {"level": level, "before": 0, "level_mm": 7200}
        return self._event(at_s, messages.FLOOD_LEVEL_CHANGED, detail)

    def state(self, at_s: int) -> Message:
        """The reported half of the shadow."""
        facts: dict[str, object] = {
            "app": self.app,
            "counter": self.counter,
            "slot": "a",
            "error": self.error,
        }
        if self.sleep_s is not None:
            facts["sleep_s"] = self.sleep_s
        code = KIND_CODES[self.kind]
        payload = messages.encode_state(code, self.boot, self._next(), at_s, self.version, facts)
        return Message(topics.up(self.node_id, "state"), payload)

    def take(self, payload: bytes, at_s: int, download: Download) -> list[Message]:
        """Takes a desired document as it comes from the broker."""
        if not self.answers:
            return []
        try:
            decoded: tuple[int, dict[str, Any]] = messages.decode_desired(payload)
        except ProtocolError as error:
            return [self.refuse(None, error.reason, at_s)]
        version, document = decoded
        if version == self.version:
            return [self.state(at_s)]
        if version < self.version:
            return [self.refuse(version, "stale_version", at_s)]
        self.version, self.document, self.error = version, document, None
        said = [self.state(at_s)]
        update = document.get("update")
        return said + (self._update(update, at_s, download) if update else [])

    def refuse(self, version: int | None, reason: str, at_s: int) -> Message:
        """Says that a desired document is none."""
        detail = {"version": version, "reason": reason, "detail": ""}
        return self._event(at_s, messages.DESIRED_REFUSED, detail)

    def _update(self, update: dict[str, Any], at_s: int, download: Download) -> list[Message]:
        pairs = [(pair[0], pair[1]) for pair in update["signatures"]]
        named: dict[str, Any] = {"counter": None, "version": None}
        try:
            fields = verify_manifest(
                update["manifest"], pairs, self.trust, 1, self.kind, self.counter, None
            )
            named = {"counter": fields["counter"], "version": fields["version"]}
            if fields["version"] == self.app:
                return [self._event(at_s, messages.UPDATE_CONFIRMED, named)]
            path = download(update["path"].removeprefix("/blobs/"))
            if path is None:
                return [self._refused(at_s, named, "not_found")]
            if hashlib.sha256(path.read_bytes()).hexdigest() != fields["sha256"]:
                return [self._refused(at_s, named, "hash_mismatch")]
        except UpdateError as error:
            return [self._refused(at_s, named, error.name)]
        said = [self._event(at_s, messages.UPDATE_DOWNLOADED, named)]
        self.reboot()
        said += self.connect(at_s)
        said.append(self._event(at_s, messages.UPDATE_TRIAL, named | {"attempts": 2}))
        if fields["version"] == self.breaks:
            self.reboot()
            said += self.connect(at_s)
            rolled = named | {"error": "rolled_back"}
            return [*said, self._event(at_s, messages.UPDATE_ROLLED_BACK, rolled)]
        self.app, self.counter = str(fields["version"]), int(fields["counter"])
        return [*said, self._event(at_s, messages.UPDATE_CONFIRMED, named), self.state(at_s)]

    def _refused(self, at_s: int, named: dict[str, Any], error: str) -> Message:
        self.error = "update_" + error
        return self._event(at_s, messages.UPDATE_REFUSED, named | {"error": error})

    def _event(
        self, at_s: int, code: int, detail: dict[str, Any], seq: int | None = None
    ) -> Message:
        number = self._next() if seq is None else seq
        kind = KIND_CODES[self.kind]
        payload = messages.encode_event(kind, self.boot, number, at_s, code, detail)
        return Message(topics.up(self.node_id, "event"), payload)

    def _next(self) -> int:
        self.seq += 1
        return self.seq
