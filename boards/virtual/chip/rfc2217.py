"""RFC 2217, the server's side: telnet that carries a serial port's settings; bytes in, events out.

server = Rfc2217()
for event in server.receive(data):
    ...  # Data, Baud or Lines; `server.take_reply()` goes back to the client
send(server.escape(bytes_from_the_port))

Source: RFC 854 (telnet), RFC 855 (options), RFC 2217 (com port control).
"""

from dataclasses import dataclass

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240
_BINARY, _ECHO, _SUPPRESS_GO_AHEAD, _COM_PORT = 0, 1, 3, 44
_OPTIONS = frozenset({_BINARY, _ECHO, _SUPPRESS_GO_AHEAD, _COM_PORT})
_SET_BAUD, _SET_DATA_SIZE, _SET_PARITY, _SET_STOP_SIZE, _SET_CONTROL = 1, 2, 3, 4, 5
_SET_LINE_MASK, _SET_MODEM_MASK, _PURGE = 10, 11, 12
# Answers carry the command's number plus this.
_FROM_SERVER = 100
_NOTIFY_MODEM_STATE = 107
# Clear to send, data set ready and carrier, none of which changed.
_MODEM_STATE = 0xB0
_DTR_ON, _DTR_OFF, _RTS_ON, _RTS_OFF = 8, 9, 11, 12
# Questions instead of settings, and what is answered: no flow control, DTR and RTS as they are.
_ASK_FLOW, _ASK_BREAK, _ASK_DTR, _ASK_RTS = 0, 4, 7, 10
_NO_FLOW, _NO_BREAK = 1, 6
_LONGEST_SUBNEGOTIATION = 64


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes for the port."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Baud:
    """The client sets the port's speed."""

    rate: int


@dataclass(frozen=True, slots=True)
class Lines:
    """The client asserts DTR and RTS, or not."""

    dtr: bool
    rts: bool


Event = Data | Baud | Lines


class Rfc2217:
    """One client's session."""

    def __init__(self, baud: int) -> None:
        self._baud = baud
        self._dtr = False
        self._rts = False
        self._replies = bytearray()
        # Our state of an option on either side; a change is answered once.
        self._we: dict[int, bool] = {}
        self._they: dict[int, bool] = {}
        self._command = b""
        self._subnegotiation: bytearray | None = None

    def take_reply(self) -> bytes:
        """What the client is to be sent, once."""
        reply = bytes(self._replies)
        self._replies.clear()
        return reply

    def escape(self, data: bytes) -> bytes:
        """Bytes from the port, as they go to the client."""
        return data.replace(b"\xff", b"\xff\xff")

    def receive(self, data: bytes) -> list[Event]:
        """What follows from the client's bytes."""
        found: list[Event] = []
        at = 0
        while at < len(data):
            if self._command or self._subnegotiation is not None:
                self._take_control(data[at], found)
                at += 1
                continue
            end = data.find(_IAC, at)
            piece = data[at:] if end < 0 else data[at:end]
            if piece:
                found.append(Data(piece))
            at += len(piece)
            if end >= 0:
                self._command = b"\xff"
                at += 1
        return found

    def _take_control(self, byte: int, found: list[Event]) -> None:
        """A byte of a command, or within a subnegotiation."""
        if not self._command:
            assert self._subnegotiation is not None
            if byte == _IAC:
                self._command = b"\xff"
            elif len(self._subnegotiation) < _LONGEST_SUBNEGOTIATION:
                self._subnegotiation.append(byte)
            return
        if len(self._command) == 2:
            verb = self._command[1]
            self._command = b""
            self._negotiate(verb, byte)
            return
        self._command = b""
        if byte == _IAC:
            if self._subnegotiation is not None:
                self._subnegotiation.append(_IAC)
            else:
                found.append(Data(b"\xff"))
        elif byte == _SB:
            self._subnegotiation = bytearray()
        elif byte == _SE:
            body, self._subnegotiation = self._subnegotiation, None
            if body and body[0] == _COM_PORT and len(body) > 1:
                self._com_port(body[1], bytes(body[2:]), found)
        elif byte in (_DO, _DONT, _WILL, _WONT):
            self._command = bytes((_IAC, byte))

    def _negotiate(self, verb: int, option: int) -> None:
        """They want an option on our side (DO) or offer it on theirs (WILL)."""
        ours = verb in (_DO, _DONT)
        wanted = verb in (_DO, _WILL) and option in _OPTIONS
        states = self._we if ours else self._they
        if states.get(option) == wanted:
            return
        states[option] = wanted
        answer = (_WILL if wanted else _WONT) if ours else (_DO if wanted else _DONT)
        self._replies += bytes((_IAC, answer, option))

    def _com_port(self, command: int, value: bytes, found: list[Event]) -> None:
        answer = value
        if command == _SET_BAUD and len(value) == 4:
            rate = int.from_bytes(value, "big")
            if rate:
                self._baud = rate
                found.append(Baud(rate))
            answer = self._baud.to_bytes(4, "big")
        elif command == _SET_CONTROL and value:
            answer = bytes((self._control(value[0], found),))
        elif command in (_SET_DATA_SIZE, _SET_PARITY, _SET_STOP_SIZE) and value == b"\0":
            # 8 bits, no parity, one stop bit: what a chip's UART is set to.
            answer = b"\x08" if command == _SET_DATA_SIZE else b"\x01"
        elif command not in (
            *(_SET_DATA_SIZE, _SET_PARITY, _SET_STOP_SIZE),
            *(_SET_LINE_MASK, _SET_MODEM_MASK, _PURGE),
        ):
            return
        self._answer(command + _FROM_SERVER, answer)
        if command == _SET_MODEM_MASK:
            self._answer(_NOTIFY_MODEM_STATE, bytes((_MODEM_STATE,)))

    def _control(self, value: int, found: list[Event]) -> int:
        asked = {
            _ASK_FLOW: _NO_FLOW,
            _ASK_BREAK: _NO_BREAK,
            _ASK_DTR: _DTR_ON if self._dtr else _DTR_OFF,
            _ASK_RTS: _RTS_ON if self._rts else _RTS_OFF,
        }
        if value in (_DTR_ON, _DTR_OFF):
            self._dtr = value == _DTR_ON
        elif value in (_RTS_ON, _RTS_OFF):
            self._rts = value == _RTS_ON
        else:
            return asked.get(value, value)
        found.append(Lines(self._dtr, self._rts))
        return value

    def _answer(self, command: int, value: bytes) -> None:
        body = value.replace(b"\xff", b"\xff\xff")
        self._replies += bytes((_IAC, _SB, _COM_PORT, command)) + body + bytes((_IAC, _SE))
