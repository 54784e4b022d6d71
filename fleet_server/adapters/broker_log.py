"""Runs the Mosquitto broker with somebody reading its log: what a node may not say gets known.

Mosquitto drops a publish outside the sender's own topics and acknowledges it (see `mosquitto`);
only its debug log tells. `become_broker` therefore turns this process into Mosquitto, so that
process number, signals and exit status are the broker's own, with a reader behind its log. The
reader passes on what an operator wants to read, leaves out what is said of every packet, and
sends each denied publish to the fleet server through a named pipe (`denials`).

The broker must never wait for any of this: denials that find no room or no server are
dropped, and a reader that died costs the log, not the broker. It ends when the broker closes
its log, whatever the broker died of.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fleet_server.adapters.mosquitto import OPENSSL_CONFIG
from fleet_server.errors import SettingsError

PIPE_NAME = "denied"
# Said of every packet and of every connection; of subscriptions the log has "CLIENT QOS TOPIC",
# of the memory a line every ten seconds.
_CHATTER = re.compile(
    rb"^(?:\d+: )?(?:Sending |Received |\t|No will message|Will message|Denied PUBLISH"
    rb"|Saving in-memory|\S+ [012] \S+$)"
)
_DENIED = re.compile(rb"^(?:\d+: )?Denied PUBLISH from (\S+) \(.*?, '(.*)', \.\.\. \(")
_READ_BYTES = 1 << 16
# A line of Mosquitto is shorter; what is longer is no line of it.
_LINE_BYTES = 1 << 17
# A longer topic is cut; a pipe takes lines of up to 512 bytes whole or not at all (POSIX).
_DENIAL_BYTES = 500


@dataclass(frozen=True, slots=True)
class Denial:
    """A publish that the broker dropped."""

    client: str
    topic: str

    def encode(self) -> bytes:
        """One line."""
        return f"{self.client}\t{self.topic}".encode()[:_DENIAL_BYTES] + b"\n"


def decode(line: bytes) -> Denial | None:
    """A denial, or None for what is none."""
    client, tab, topic = line.decode(errors="replace").rstrip("\n").partition("\t")
    return Denial(client, topic) if tab and client else None


def become_broker(program: str, configuration: Path) -> None:
    """Turns this process into Mosquitto; returns never.

    Args:
        program: a name on PATH or a path.
        configuration: mosquitto.conf; the server's pipe is in its folder.

    Raises:
        SettingsError: there is no such program or configuration.
    """
    if not configuration.exists():
        raise SettingsError(f"{configuration} is missing; run the verb broker-config first.")
    reader = subprocess.Popen(
        [sys.executable, "-m", "fleet_server.adapters.broker_log", str(configuration.parent)],
        stdin=subprocess.PIPE,
    )
    assert reader.stdin is not None
    os.environ["OPENSSL_CONF"] = str(configuration.with_name(OPENSSL_CONFIG))
    # Mosquitto logs to stderr; -v adds the debug log, which alone names denied publishes.
    os.dup2(reader.stdin.fileno(), sys.stderr.fileno())
    try:
        os.execvp(program, [program, "-v", "-c", str(configuration)])
    except OSError as error:
        os.dup2(sys.__stdout__.fileno() if sys.__stdout__ else 1, sys.stderr.fileno())
        raise SettingsError(f"Cannot start {program}: {error.strerror}.") from error


def read_log(chunks: Iterable[bytes]) -> Iterator[bytes | Denial]:
    """What is worth passing on of a log: lines, with their ends, and denials.

    Args:
        chunks: the log as it comes, cut anywhere.
    """
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            denied = _DENIED.match(line)
            if denied:
                yield Denial(*(part.decode(errors="replace") for part in denied.groups()))
            elif not _CHATTER.match(line):
                yield line + b"\n"
        if len(rest) > _LINE_BYTES:
            rest = b""
    if rest and not _CHATTER.match(rest):
        yield rest


def _read(folder: Path) -> None:
    # The broker is asked to end, not its reader, which still has its last words to pass on.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # No server listening is an error at the first write; it must not be the reader's end.
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    pipe = Pipe(folder / PIPE_NAME)
    for item in read_log(iter(lambda: os.read(sys.stdin.fileno(), _READ_BYTES), b"")):
        if isinstance(item, Denial):
            pipe.send(item.encode())
        else:
            with suppress(OSError):
                os.write(sys.stderr.fileno(), item)


class Pipe:
    """The way to a server that may not be there yet, or not any more."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._number: int | None = None

    def send(self, line: bytes) -> None:
        """Writes one line, or drops it where nobody reads."""
        try:
            if self._number is None:
                self._number = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            os.write(self._number, line)
        except BlockingIOError:
            return
        except OSError:
            if self._number is not None:
                os.close(self._number)
            self._number = None


if __name__ == "__main__":
    _read(Path(sys.argv[1]))
