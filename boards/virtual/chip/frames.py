"""What a running MicroPython says on its standard output: frames among text (device/chip/host.py).

Bytes in, frames out. Text without a frame becomes output, its line feeds CR LF.
"""

from dataclasses import dataclass

_MARK = b"\x10\x02"
_HEADER_BYTES = 5
OUTPUT, INTERRUPT, RAW_REPL, POWER_CUT = b"o", b"i", b"m", b"x"


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    kind: bytes
    data: bytes


class FrameReader:
    """Takes the stream apart."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Frame]:
        """The frames that are whole by now, text among them."""
        found: list[Frame] = []
        rest = self._rest + data
        while rest:
            at = rest.find(_MARK)
            if at < 0:
                # The first byte of a mark may end what came so far.
                keep = 1 if rest.endswith(_MARK[:1]) else 0
                _add_text(found, rest[: len(rest) - keep])
                rest = rest[len(rest) - keep :]
                break
            _add_text(found, rest[:at])
            rest = rest[at:]
            if len(rest) < _HEADER_BYTES:
                break
            end = _HEADER_BYTES + int.from_bytes(rest[3:5], "little")
            if len(rest) < end:
                break
            found.append(Frame(rest[2:3], rest[_HEADER_BYTES:end]))
            rest = rest[end:]
        self._rest = rest
        return found


def _add_text(found: list[Frame], text: bytes) -> None:
    if text:
        found.append(Frame(OUTPUT, text.replace(b"\n", b"\r\n")))
