"""SIMULATOR: the REPL of a chip: raw, raw paste, friendly and paste mode.

Source: MicroPython documentation, "The MicroPython Interactive Interpreter Mode (aka REPL)":
raw mode, raw-paste mode and its window.
"""

import gc

from chip import host, system

_CTRL_A, _CTRL_B, _CTRL_C, _CTRL_D, _CTRL_E = 1, 2, 3, 4, 5
_BACKSPACE = (8, 127)
# As the esp32 port: half of its line's buffer.
_WINDOW_BYTES = 128
_MOST_HISTORY = 8
SOFT_RESET = "soft reset"


class Repl:
    """One REPL with the names that its programs share."""

    def __init__(self, banner: str, names: dict) -> None:
        self._banner = banner
        self._names = names
        self._history = []
        self._line = b""

    def run(self, raw: bool) -> None:
        """Serve until a soft reset is asked for."""
        while True:
            host.set_raw(raw)
            if (self._raw() if raw else self._friendly()) == SOFT_RESET:
                return
            raw = not raw

    def execute(self, text: str, kind: str, name: str = "<stdin>", to_raw: bool = False) -> bool:
        """Run a program; False where it asked for a soft reset."""
        error = None
        host.set_interruptible(True)
        try:
            code = compile(text, name, kind)
            exec(code, self._names)
        except SystemExit:
            return False
        except BaseException as caught:
            error = caught
        finally:
            host.set_interruptible(False)
        if to_raw:
            host.write(b"\x04")
        if error is not None:
            system.print_exception(error)
        gc.collect()
        return True

    def _raw(self) -> str | None:
        host.write(b"raw REPL; CTRL-B to exit\r\n>")
        line = bytearray()
        while True:
            byte = host.read_byte()
            if byte == _CTRL_A:
                if line == b"\x05A":
                    line = bytearray()
                    if not self._raw_paste():
                        return SOFT_RESET
                    continue
                host.write(b"raw REPL; CTRL-B to exit\r\n>")
                line = bytearray()
            elif byte == _CTRL_B:
                host.write(b"\r\n")
                return None
            elif byte == _CTRL_C:
                line = bytearray()
            elif byte == _CTRL_D:
                if not line:
                    host.write(b"OK")
                    return SOFT_RESET
                host.write(b"OK")
                if not self._run_raw(line):
                    return SOFT_RESET
                line = bytearray()
            else:
                line.append(byte)

    def _raw_paste(self) -> bool:
        """Take a program with flow control, and run it."""
        window = bytes((_WINDOW_BYTES & 255, _WINDOW_BYTES >> 8))
        host.write(b"R\x01" + window + b"\x01")
        text = bytearray()
        left = _WINDOW_BYTES
        while True:
            byte = host.read_byte()
            if byte == _CTRL_D:
                host.write(b"\x04")
                return self._run_raw(text)
            if byte == _CTRL_C:
                host.write(b"\x04\x04\x04>")
                return True
            text.append(byte)
            left -= 1
            if not left:
                left = _WINDOW_BYTES
                host.write(b"\x01")

    def _run_raw(self, text: bytes) -> bool:
        try:
            program = bytes(text).decode()
        except UnicodeError as error:
            host.write(b"\x04")
            system.print_exception(error)
        else:
            if not self.execute(program, "exec", to_raw=True):
                host.write(b"\x04\x04>")
                return False
        host.write(b"\x04>")
        return True

    def _friendly(self) -> str | None:
        host.write(b"\r\n" + self._banner.encode() + b"\r\n")
        host.write(b'Type "help()" for more information.\r\n')
        program = ""
        while True:
            ending = self._read_line(b"... " if program else b">>> ", not program)
            if ending == _CTRL_A:
                return None
            if ending == _CTRL_B:
                return self._friendly()
            if ending == _CTRL_C:
                host.write(b"\r\n")
                program = ""
            elif ending == _CTRL_D:
                host.write(b"\r\n")
                return SOFT_RESET
            elif ending == _CTRL_E:
                if not self._paste():
                    return SOFT_RESET
            else:
                host.write(b"\r\n")
                line = self._line.decode()
                is_first = not program
                program = line if is_first else program + "\n" + line
                if _goes_on(program, line, is_first):
                    continue
                if program.strip() and not self.execute(program + "\n", "single"):
                    return SOFT_RESET
                program = ""

    def _paste(self) -> bool:
        host.write(b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== ")
        text = bytearray()
        while True:
            byte = host.read_byte()
            if byte == _CTRL_C:
                host.write(b"\r\n")
                return True
            if byte == _CTRL_D:
                host.write(b"\r\n")
                return self.execute(bytes(text).decode(), "exec")
            if byte == 13:
                text.append(10)
                host.write(b"\r\n=== ")
            else:
                text.append(byte)
                host.write(bytes((byte,)))

    def _read_line(self, prompt: bytes, at_start: bool) -> int:
        """Edit a line, which is then in `_line`; the byte that ended it."""
        host.write(prompt)
        line = bytearray()
        back = 0
        escape = b""
        while True:
            byte = host.read_byte()
            if escape:
                escape += bytes((byte,))
                if len(escape) < 3:
                    continue
                if escape in (b"\x1b[A", b"\x1b[B"):
                    back += 1 if escape == b"\x1b[A" else -1
                    back = max(0, min(back, len(self._history)))
                    line = bytearray(self._history[-back] if back else b"")
                    host.write(b"\r" + prompt + bytes(line) + b"\x1b[K")
                escape = b""
            elif byte == 27:
                escape = b"\x1b"
            elif byte in (_CTRL_A, _CTRL_B, _CTRL_D, _CTRL_E) and not line and at_start:
                return byte
            elif byte == _CTRL_C:
                return byte
            elif byte == 13:
                self._line = bytes(line)
                if line.strip() and self._history[-1:] != [self._line]:
                    self._history = (self._history + [self._line])[-_MOST_HISTORY:]
                return byte
            elif byte in _BACKSPACE:
                if line:
                    line = line[:-1]
                    host.write(b"\b\x1b[K")
            elif byte >= 32 or byte == 9:
                line.append(byte)
                host.write(bytes((byte,)))


def _goes_on(program: str, line: str, is_first: bool) -> bool:
    """Whether the program is not complete: an open block, bracket or string over lines."""
    if is_first and line.rstrip().endswith(":") or line.startswith("@"):
        return True
    if not is_first and program.split("\n")[0].rstrip().endswith(":") and line.strip():
        return True
    depth = 0
    for sign in program:
        depth += (sign in "([{") - (sign in ")]}")
    return depth > 0 or line.endswith("\\") or program.count('"""') % 2 == 1
