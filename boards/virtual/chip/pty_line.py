"""A serial port as a pseudo-terminal: bytes and speed, but no DTR and RTS.

The kernel's pseudo-terminals have no modem lines, so who uses one chooses the mode of the chip by
its buttons (buttons.py). While nobody has the port open, what the chip says is lost, as on a wire.

Source: Linux pty(7), tty_ioctl(4), ioctl_tty(2) (TCGETS2 gives the speed as a number).
"""

import asyncio
import contextlib
import fcntl
import os
import select
import struct
import tty
from pathlib import Path

from boards.virtual.chip.board import ROM_BAUD, Board
from boards.virtual.chip.errors import ChipError

_TCGETS2 = 0x802C542A
# 4 words of flags, a line discipline, 19 control characters, two speeds.
_TERMIOS2 = struct.Struct("=4IB19s2I")
_LOOK_S = 0.05
_CHUNK_BYTES = 65536
# What a host that does not read may be owed; beyond it bytes are lost, as in a USB bridge.
_MOST_WAITING_BYTES = 1 << 20


class PtyLine:
    """The port at `path`; `close` takes it away."""

    def __init__(self, board: Board, path: Path) -> None:
        """Open it.

        Raises:
            ChipError: there is something else at that path, or it cannot be made.
        """
        self._board = board
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._waiting = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        os.close(slave)
        os.set_blocking(self._master, False)
        try:
            if path.is_symlink():
                path.unlink()
            path.symlink_to(self.port)
        except OSError as error:
            os.close(self._master)
            raise ChipError(f"{path}: {error.strerror}") from error
        self._poll = select.poll()
        self._poll.register(self._master, select.POLLIN)
        board.attach(self._send, self._speed)
        self._look()

    def close(self) -> None:
        """Take the port away."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._master)
        self._loop.remove_writer(self._master)
        os.close(self._master)
        if self._path.is_symlink() and os.readlink(self._path) == self.port:
            self._path.unlink()

    def _is_open(self) -> bool:
        """Whether somebody has the port open; the kernel says so only when asked."""
        return not any(event & select.POLLHUP for _, event in self._poll.poll(0))

    def _look(self) -> None:
        self._timer = None
        if self._is_open():
            self._loop.add_reader(self._master, self._read)
        else:
            self._timer = self._loop.call_later(_LOOK_S, self._look)

    def _read(self) -> None:
        try:
            data = os.read(self._master, _CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError:
            # Closed by the last who had it open.
            self._loop.remove_reader(self._master)
            self._loop.remove_writer(self._master)
            self._waiting.clear()
            self._look()
            return
        self._board.receive(data)

    def _send(self, data: bytes) -> None:
        if len(self._waiting) + len(data) > _MOST_WAITING_BYTES or not self._is_open():
            return
        self._waiting += data
        self._write()

    def _write(self) -> None:
        with contextlib.suppress(BlockingIOError):
            try:
                del self._waiting[: os.write(self._master, self._waiting)]
            except OSError as error:
                if isinstance(error, BlockingIOError):
                    raise
                self._waiting.clear()
        if self._waiting:
            self._loop.add_writer(self._master, self._write)
        else:
            self._loop.remove_writer(self._master)

    def _speed(self) -> int:
        try:
            answer = fcntl.ioctl(self._master, _TCGETS2, bytes(_TERMIOS2.size))
        except OSError:
            return ROM_BAUD
        return _TERMIOS2.unpack(answer)[-1]
