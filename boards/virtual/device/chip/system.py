"""SIMULATOR: what programs see of sys, os, micropython and print on the serial line.

The unix port prints to a file and takes Ctrl-C from a terminal; on a chip both belong to the
serial line. What is not named here is the unix port's own.
"""

import builtins
import io
import os
import sys

import micropython

from chip import host

# Where the simulator's own modules lie in the tree; no listing shows it.
HIDDEN = ".chip"
_POLL = 3
_POLL_OUT = 4
_print = print


class RawOutput(io.IOBase):
    """sys.stdout.buffer: bytes as they are."""

    def write(self, data: bytes, *span: int) -> int:
        """`span` is (count) or (offset, count), as of every stream."""
        if span:
            offset = span[0] if len(span) > 1 else 0
            data = memoryview(data)[offset : offset + span[-1]]
        host.write(bytes(data))
        return len(data)

    def ioctl(self, request: int, argument: int) -> int:
        return argument & _POLL_OUT if request == _POLL else 0


class TextOutput(RawOutput):
    """sys.stdout: line feeds become CR LF."""

    buffer = RawOutput()

    def write(self, data: str) -> int:
        host.write_text(data.encode() if isinstance(data, str) else bytes(data))
        return len(data)


def module(inner: object, names: dict) -> object:
    """A built-in module with some names of its own; what is set in it is set in the true one."""

    class Module:
        def __getattr__(self, name: str) -> object:
            return getattr(inner, name)

        def __setattr__(self, name: str, value: object) -> None:
            setattr(inner, name, value)

    for name, value in names.items():
        setattr(Module, name, staticmethod(value) if callable(value) else value)
    return Module()


stdout = TextOutput()


def print_line(*args: object, **keywords: object) -> None:
    """print(), in one piece on the line."""
    file = keywords.pop("file", None)
    if file is not None and file is not stdout:
        return _print(*args, file=file, **keywords)
    text = io.StringIO()
    _print(*args, file=text, **keywords)
    stdout.write(text.getvalue())


def print_exception(error: BaseException, file: object = None) -> None:
    """sys.print_exception without the frames of this simulator."""
    text = io.StringIO()
    sys.print_exception(error, text)
    kept = [line for line in text.getvalue().split("\n") if not line.startswith('  File "chip/')]
    (file or stdout).write("\n".join(kept))


def _print_result(value: object) -> None:
    if value is not None:
        builtins._ = value
        print_line(repr(value))


def _kbd_intr(byte: int) -> None:
    host.set_interruptible(byte >= 0)


def hide_mount(vfs: object) -> None:
    """Let the list of mounts leave the simulator's own out."""
    mount = vfs.mount

    def mount_or_list(*args: object, **keywords: object) -> object:
        found = mount(*args, **keywords)
        return [each for each in found if each[1] != "/" + HIDDEN] if not args else found

    vfs.mount = mount_or_list


def _input(prompt: str = "") -> str:
    stdout.write(prompt)
    line = bytearray()
    while True:
        byte = host.read_byte()
        if byte == 3:
            raise KeyboardInterrupt
        if byte == 4 and not line:
            raise EOFError
        if byte in (10, 13):
            stdout.write("\n")
            return line.decode()
        line.append(byte)
        host.write(bytes((byte,)))


def install(machine: str) -> None:
    """Put the names in place; `machine` is what os.uname() calls the board."""
    version = sys.version.split(" ")[2]
    release = ".".join(str(part) for part in sys.implementation[1][:3])
    uname = ("esp32", "esp32", release, version, machine)
    implementation = (sys.implementation[0], sys.implementation[1], machine, sys.implementation[3])

    def ilistdir(path: str = ".") -> object:
        return (entry for entry in os.ilistdir(path) if entry[0] != HIDDEN)

    def listdir(path: str = ".") -> list:
        return [name for name in os.listdir(path) if name != HIDDEN]

    own_os = {
        "uname": lambda: _Uname(*uname),
        "sync": lambda: None,
        "ilistdir": ilistdir,
        "listdir": listdir,
    }
    replaced = {
        "sys": module(
            sys,
            {
                "stdout": stdout,
                "stderr": stdout,
                "platform": "esp32",
                "print_exception": print_exception,
                "implementation": _Implementation(*implementation),
            },
        ),
        "os": module(os, own_os),
        "micropython": module(micropython, {"kbd_intr": _kbd_intr}),
    }
    for name, replacement in replaced.items():
        sys.modules[name] = sys.modules["u" + name] = replacement
    builtins.print = print_line
    builtins.__repl_print__ = _print_result
    builtins.input = _input


def _tuple(name: str, fields: tuple) -> object:
    from collections import namedtuple

    return namedtuple(name, fields)


_Uname = _tuple("uname", ("sysname", "nodename", "release", "version", "machine"))
_Implementation = _tuple("implementation", ("name", "version", "_machine", "_mpy"))
