"""The AT dialogue with a cellular modem: one command, its answer, bounded in time and bytes.

A modem speaks when it likes (RDY, +CPIN: READY, SMS DONE), echoes until it is told not to,
and after a hang-up may send what is no text at all; so an answer is the lines up to a final
one, and all else is passed over.

    at = AtDialogue(uart)
    final, lines = await at.ask("AT+CSQ", 3000, beat)     # ("OK", ["+CSQ: 18,99"])

Source: 3GPP TS 27.007; SIM7500_SIM7600 Series AT Command Manual V2.00.
"""

import asyncio
import time

_STEP_MS = 20
# The longest answer that is read has 60 bytes; a line of noise ends here too.
_LINE_BYTES = 160
_LINES = 8
SILENCE = ""
_FINAL = ("OK", "ERROR", "CONNECT", "NO CARRIER", "BUSY", "NO DIALTONE", "NO ANSWER")
# +++ is data unless the line rests for so long before and after it.
_GUARD_MS = 1100
_HANG_UP_MS = 1000


class AtDialogue:
    """A modem in command mode."""

    def __init__(self, uart: object) -> None:
        """`uart` has read() -> bytes or None and write(bytes)."""
        self._uart = uart

    async def ask(self, command: str, timeout_ms: int, beat: object) -> tuple[str, list[str]]:
        """Send a command: (final line, lines before it); the final one is SILENCE for none."""
        self._uart.read()  # what was said unasked
        self._uart.write(command.encode() + b"\r")
        began_ms = time.ticks_ms()
        line = bytearray()
        lines = []
        while time.ticks_diff(time.ticks_ms(), began_ms) < timeout_ms:
            beat()
            for byte in self._uart.read() or b"":
                if byte not in b"\r\n":
                    if len(line) < _LINE_BYTES:
                        line.append(byte)
                    continue
                text = _text(line)
                line = bytearray()
                if _is_final(text):
                    return text, lines
                if text and text != command and len(lines) < _LINES:
                    lines.append(text)
            await asyncio.sleep_ms(_STEP_MS)
        return SILENCE, lines

    async def escape(self, beat: object) -> None:
        """Leave the data mode of a connection that nobody holds any more, and hang up."""
        await self._rest(beat)
        self._uart.write(b"+++")
        await self._rest(beat)
        await self.ask("ATH", _HANG_UP_MS, beat)

    async def _rest(self, beat: object) -> None:
        beat()
        await asyncio.sleep_ms(_GUARD_MS)


def value_of(lines: list[str], name: str) -> list[str] | None:
    """The comma-separated values of the line "name: ..", None where there is none."""
    for line in lines:
        if line.startswith(name + ": "):
            return line[len(name) + 2 :].split(",")
    return None


def _text(line: bytearray) -> str:
    """What is printable of a line."""
    return "".join([chr(byte) for byte in line if 32 <= byte < 127]).strip()


def _is_final(text: str) -> bool:
    return (
        text in _FINAL
        or text.startswith("CONNECT ")
        or text.startswith("+CME ERROR")
        or text.startswith("+CMS ERROR")
    )
