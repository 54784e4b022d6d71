"""The node's keys and certificates on flash, and which of them the next connection shows.

    identity/ca.der key.der cert.der   as provisioned; the node never writes them
    identity/renewed                   the pair that took their place once it had worked
    identity/trial                     a new pair that has not worked yet
    identity/pending                   the key and request that wait for their certificate

A trial goes first, then the pair that lasts longest. A pair that the server refuses, or that
fails a few times without a word, makes room for the next one, round and round. A trial
that the broker accepts becomes the renewed pair; one after whose failure an older pair was
accepted is given up, by name. So no pair is written over before its successor has worked, and after
a cut at any moment there is one that works.
"""

from firmware.core.errors import CertificateRefusedError, ConfigError, RefusedError
from firmware.core.limits import CONFIG_BYTES
from firmware.core.log import log
from firmware.core.storage import read_checked, read_file, remove, write_checked
from firmware.identity.certificate import validity_s
from firmware.net.tls import tls_context
from protocols.messages import CERTIFICATE_RENEWAL_FAILED, CERTIFICATE_RENEWED

_FOLDER = "identity/"
_PROVISIONED = ""
_RENEWED = _FOLDER + "renewed"
_TRIAL = _FOLDER + "trial"
_PENDING = _FOLDER + "pending"
# A broker that ends the connection without a word may have had its reasons once or twice.
_TRIES = 3
EXPIRED = "certificate_expired"


class IdentityError(ConfigError):
    """A file of the identity is missing or damaged: the node cannot prove who it is."""

    name = "identity_damaged"


class Identity:
    """What the node shows, and what became of it; the session's and the renewal's."""

    def __init__(self, emit: object, now_s: object) -> None:
        """`emit(code, detail)` queues an event; `now_s()` is the machine's time."""
        self._emit = emit
        self._now_s = now_s
        self._turn = 0
        self._failures = 0
        self._shown = _PROVISIONED
        # (first, last) second of the pair that was shown last.
        self.validity = (0, 0)
        # The name of what is wrong with it, None while it works.
        self.error = None

    def context(self) -> object:
        """The TLS context for the next connection.

        Raises:
            IdentityError: naming the file.
        """
        pairs = self._pairs()
        self._shown, _ = pairs[self._turn % len(pairs)]
        self.validity = validity_s(_load(self._shown)[1])
        return self.shown()

    def shown(self) -> object:
        """A TLS context with what the session shows, for other connections beside it.

        Raises:
            IdentityError: naming the file.
        """
        key, certificate = _load(self._shown)
        try:
            return tls_context(_file("ca.der"), certificate, key)
        except (ValueError, OSError) as error:
            raise IdentityError(repr(error)) from None

    def worked(self) -> None:
        """The broker has accepted what was shown."""
        error = self.error
        self.error = None
        self._failures = 0
        try:
            trial = read_checked(_TRIAL)[0]
            if self._shown == _TRIAL:
                write_checked(_RENEWED, trial)
                log("identity", "the new certificate has worked")
                self._emit(CERTIFICATE_RENEWED, {"not_after_s": self.validity[1]})
            elif trial is not None and self._turn:
                self._emit(CERTIFICATE_RENEWAL_FAILED, {"error": error or RefusedError.name})
            else:
                return
            self._shown = _RENEWED
            remove(_TRIAL)
            remove(_PENDING)
        except OSError as problem:
            log("identity", repr(problem))  # the trial stays, and is tried again
        self._turn = 0

    def failed(self, error: object) -> None:
        """A connection ended before the broker had accepted what was shown."""
        named = isinstance(error, (CertificateRefusedError, RefusedError, IdentityError))
        if not named:
            self._failures += error.name == "connection_lost"
            if self._failures < _TRIES:
                return
        elif 0 < self.validity[1] < self._now_s():
            if self.error != EXPIRED:
                # Heard by the server once somebody has brought a new certificate.
                self._emit(CERTIFICATE_RENEWAL_FAILED, {"error": EXPIRED})
                log("identity", EXPIRED)
            self.error = EXPIRED
        elif self.error != EXPIRED:
            self.error = error.name
        self._failures = 0
        self._turn += 1

    def is_due(self) -> bool:
        """Whether the last third of the shown certificate's life has begun."""
        first_s, last_s = self.validity
        return self._shown != _TRIAL and 3 * (last_s - self._now_s()) < last_s - first_s

    def keep_request(self, key: bytes, request: bytes) -> None:
        """Remember a key and its request until the answer comes; OSError where it cannot."""
        write_checked(_PENDING, _joined(key, request))

    def request(self) -> tuple[bytes, bytes] | None:
        """The key and the request that wait for an answer."""
        data = read_checked(_PENDING)[0]
        return None if data is None else _parted(data)

    def forget_request(self) -> None:
        """It was refused."""
        remove(_PENDING)

    def try_next(self, key: bytes, certificate: bytes) -> None:
        """Show a new pair from the next connection on; OSError where it cannot be kept."""
        write_checked(_TRIAL, _joined(key, certificate))
        self._turn = 0
        self._failures = 0
        remove(_PENDING)

    def secret(self) -> bytes:
        """The private key in use: chance of its own for the next one."""
        return _load(self._shown)[0]

    def _pairs(self) -> list[tuple[str, int]]:
        """[(where, its last second)] in the order in which they are tried."""
        pairs = []
        for where in (_RENEWED, _PROVISIONED):
            try:
                pairs.append((where, validity_s(_load(where)[1])[1]))
            except IdentityError as error:
                if where == _PROVISIONED:
                    log("identity", str(error))
        pairs.sort(key=lambda pair: -pair[1])
        if read_checked(_TRIAL)[0] is not None:
            pairs.insert(0, (_TRIAL, 0))
        return pairs or [(_PROVISIONED, 0)]


def _load(where: str) -> tuple[bytes, bytes]:
    if where == _PROVISIONED:
        return _file("key.der"), _file("cert.der")
    data = read_checked(where)[0]
    if data is None:
        raise IdentityError(where + " is missing")
    return _parted(data)


def _file(name: str) -> bytes:
    data = read_file(_FOLDER + name, CONFIG_BYTES)
    if data is None:
        raise IdentityError(name + " is missing")
    return data


def _joined(key: bytes, other: bytes) -> bytes:
    return bytes((len(key),)) + key + other


def _parted(data: bytes) -> tuple[bytes, bytes]:
    end = 1 + data[0]
    return data[1:end], data[end:]
