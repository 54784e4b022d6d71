"""SIMULATOR: the process's side of the serial line.

Standard input is the line, byte for byte. Standard output carries frames among text: a frame is
10 02, a kind, a length of two bytes, little endian, and the bytes; text that C code prints comes
without a frame, and the host turns its line feeds into CR LF, as the chip's UART driver does.

    o  bytes for the line, exactly these
    i  one byte: whether Ctrl-C interrupts (1) or is a byte like all others (0)
    m  one byte: whether the raw REPL (1) or the friendly one (0) is on, which a soft reset keeps
    x  the power is to be cut now
"""

import sys

_FRAME_BYTES = 4096
# The true streams: user code gets others in their place.
_input = sys.stdin.buffer
_output = sys.stdout.buffer
_one = bytearray(1)


def send(kind: bytes, data: bytes) -> None:
    """Send frames; the host always reads, so this does not block for long."""
    for at in range(0, len(data), _FRAME_BYTES):
        piece = data[at : at + _FRAME_BYTES]
        size = len(piece)
        _output.write(b"\x10\x02" + kind + bytes((size & 255, size >> 8)) + piece)


def write(data: bytes) -> None:
    """Put bytes on the line as they are."""
    send(b"o", data)


def write_text(data: bytes) -> None:
    """Put text on the line, its line feeds made CR LF."""
    write(data.replace(b"\n", b"\r\n"))


def read_byte() -> int:
    """The next byte from the line; Ctrl-C that came as an interrupt is its byte."""
    try:
        if not _input.readinto(_one):
            # The host is gone, and this chip with it.
            from plant import power

            power.leave(power.EXIT_BENCH_GONE)
        return _one[0]
    except KeyboardInterrupt:
        return 3


def set_interruptible(on: bool) -> None:
    """Whether Ctrl-C on the line interrupts."""
    send(b"i", b"\x01" if on else b"\x00")


def set_raw(on: bool) -> None:
    """Which REPL a soft reset comes back to."""
    send(b"m", b"\x01" if on else b"\x00")
