"""Keys, requests and the store of identities on the device.

The store is cut at every write and rename of a renewal, in three ways; after each cut the node must
still show a pair that works, and the renewal must come to its end on the next try.
"""

import builtins
import errno
import hashlib
import json
import os
from binascii import hexlify, unhexlify

import check

from firmware.core import storage
from firmware.core.errors import CertificateRefusedError, ConnectionLostError, LinkError
from firmware.identity import store
from firmware.identity.certificate import validity_s
from firmware.identity.request import new_request
from firmware.identity.signing import hmac_sha256, nonces, public_point, secret_from, signature
from protocols.messages import CERTIFICATE_RENEWAL_FAILED, CERTIFICATE_RENEWED

# RFC 6979, A.2.5: P-256 with SHA-256.
SECRET = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
PUBLIC = (
    "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
    "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299"
)
SIGNED = (
    (
        b"sample",
        0xA6E3C57DD01ABE90086538398355DD4C3B17AA873382B0F24D6129493D8AAD60,
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    (
        b"test",
        0xD16B6AE827F17175E040871A1C7EC3500192C4C92677336EC2537ACAEE0008E0,
        0xF1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367,
        0x019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083,
    ),
)
OLD = (b"old key", b"old certificate")
NEW = (b"new key", b"new certificate")
NEWEST = (b"newest key", b"newest certificate")
DAY_S = 86400


def finish(steps: object) -> object:
    """The return value of a generator."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


@check.case
def signatures_are_those_of_the_standard() -> None:
    check.equal(hexlify(finish(public_point(SECRET))).decode(), PUBLIC)
    for text, number, r, s in SIGNED:
        digest = hashlib.sha256(text).digest()
        check.equal(next(nonces(SECRET, int.from_bytes(digest, "big"))), number)
        check.equal(finish(signature(SECRET, digest)), (r, s))


@check.case
def hmac_is_that_of_the_standard() -> None:
    # RFC 4231, cases 2 and 6.
    check.equal(
        hexlify(hmac_sha256(b"Jefe", b"what do ya want for nothing?")).decode(),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    )
    text = b"Test Using Larger Than Block-Size Key - Hash Key First"
    check.equal(
        hexlify(hmac_sha256(b"\xaa" * 131, text)).decode(),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
    )


@check.case
def keys_are_made_in_short_steps_and_any_chance_alone_makes_another() -> list:
    made = []
    for entropy in ((b"a", b"old"), (b"b", b"old"), (b"a", b"other")):
        secret = secret_from(*entropy)
        steps = 0
        work = new_request("pk-sl-001", secret)
        while True:
            try:
                next(work)
                steps += 1
            except StopIteration as done:
                made.append([hexlify(part).decode() for part in done.value])
                break
        assert steps > 500
    assert made[0] != made[1] != made[2] != made[0]
    # The longest name of a node: what an event must be able to carry.
    request = finish(new_request("a" * 31, SECRET))[1]
    check.equal(len(request) <= 233, True)
    made.append([hexlify(part).decode() for part in finish(new_request("a" * 31, SECRET))])
    return made


@check.case
def dates_are_read_from_certificates_and_garbage_has_none() -> int:
    with open("certificates.json") as file:
        vectors = json.load(file)
    for vector in vectors:
        data = unhexlify(vector["der"])
        check.equal(validity_s(data), (vector["first_s"], vector["last_s"]))
        for cut in range(180):
            check.equal(validity_s(data[:cut]), (0, 0))
            damaged = bytearray(data)
            damaged[cut] ^= 0x55
            validity_s(bytes(damaged))
    return len(vectors)


# --- The store ---


class Events(list):
    """What was told to the server."""

    def emit(self, code: int, detail: dict) -> None:
        self.append((code, detail))


class Cut(OSError):
    """The power is gone."""


class Power:
    """A file system that loses its power at one of its changes."""

    def __init__(self) -> None:
        self.left = None
        self.way = 0
        self.is_gone = False

    def change(self) -> bool:
        """Whether this change still happens whole."""
        if self.is_gone:
            raise Cut(errno.EIO)
        if self.left is None:
            return True
        self.left -= 1
        if self.left >= 0:
            return True
        self.is_gone = True
        return False

    def rename(self, old: str, new: str) -> None:
        if self.change() or self.way == 1:
            os.rename(old, new)
        self.alive()

    def remove(self, path: str) -> None:
        os.stat(path)
        if self.change() or self.way == 1:
            os.remove(path)
        self.alive()

    def alive(self) -> None:
        if self.is_gone:
            raise Cut(errno.EIO)

    def open(self, path: str, mode: str) -> object:
        return (
            Writing(self, builtins.open(path, mode)) if "w" in mode else builtins.open(path, mode)
        )

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)


class Writing:
    """A file being written: a cut leaves nothing, half, or half with rot of it."""

    def __init__(self, power: Power, file: object) -> None:
        self._power = power
        self._file = file

    def __enter__(self) -> object:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, data: bytes) -> None:
        if self._power.change():
            self._file.write(data)
        else:
            half = data[: len(data) // 2]
            self._file.write((b"", half, half + b"\xff" * 5)[self._power.way])
        self._power.alive()

    def flush(self) -> None:
        self._file.flush()


power = Power()
storage.os = power
storage.open = power.open
DAYS = {OLD[1]: 100, NEW[1]: 300, NEWEST[1]: 500}
store.validity_s = lambda certificate: (0, DAYS[certificate] * DAY_S)
store.tls_context = lambda ca, certificate, key: (key, certificate)


def provision() -> None:
    storage.ensure_folder("identity")
    for name in os.listdir("identity"):
        os.remove("identity/" + name)
    for name, data in (("ca.der", b"ca"), ("key.der", OLD[0]), ("cert.der", OLD[1])):
        with builtins.open("identity/" + name, "wb") as file:
            file.write(data)


def boot(now_s: int = 80 * DAY_S) -> tuple:
    """A node that has just started."""
    events = Events()
    return store.Identity(events.emit, lambda: now_s), events


def renew(identity: object) -> None:
    """A renewal from the question to the connection that proves it."""
    if identity.request() is None:
        identity.keep_request(NEW[0], b"request")
    identity.try_next(NEW[0], NEW[1])
    identity.context()
    identity.worked()


def come_back() -> tuple:
    """After a cut: what is shown first and accepted; the renewal goes on where it must."""
    power.left = None
    power.is_gone = False
    identity, events = boot()
    shown = identity.context()
    assert shown in (OLD, NEW), shown
    identity.worked()
    if shown == OLD:
        renew(identity)
        events.append("again")
    check.equal(identity.context(), NEW)
    return shown, events


@check.case
def a_cut_at_any_change_leaves_a_pair_that_works() -> int:
    changes = 0
    for way in (0, 1, 2):
        place = 0
        while True:
            provision()
            identity, _ = boot()
            identity.context()
            identity.worked()
            power.way = way
            power.left = place
            try:
                renew(identity)
            except Cut:
                pass
            if not power.is_gone:
                power.left = None
                break
            come_back()
            check.equal(open_files(), [])
            place += 1
            changes += 1
    assert changes > 24
    return changes


def open_files() -> list:
    """What of trial and request is left over."""
    return [name for name in os.listdir("identity") if name in ("trial", "pending")]


@check.case
def a_second_renewal_keeps_the_first_until_it_has_worked() -> None:
    provision()
    identity, _ = boot()
    identity.context()
    identity.worked()
    renew(identity)
    identity.try_next(NEWEST[0], NEWEST[1])
    check.equal(identity.context(), NEWEST)
    identity.failed(CertificateRefusedError())
    # Back to the one that lasts longest, then round to the provisioned one.
    check.equal(identity.context(), NEW)
    identity.failed(CertificateRefusedError())
    check.equal(identity.context(), OLD)
    identity.failed(CertificateRefusedError())
    check.equal(identity.context(), NEWEST)
    identity.worked()
    identity, _ = boot()
    check.equal(identity.context(), NEWEST)


@check.case
def a_new_pair_is_not_given_up_for_a_bad_line() -> None:
    provision()
    identity, events = boot()
    identity.context()
    identity.worked()
    identity.try_next(NEW[0], NEW[1])
    for _ in range(9):
        check.equal(identity.context(), NEW)
        identity.failed(LinkError())
    # Twice without a word may be the line; the third time the old one has a try.
    for _ in range(3):
        check.equal(identity.context(), NEW)
        identity.failed(ConnectionLostError())
    check.equal(identity.context(), OLD)
    identity.worked()
    check.equal([event[0] for event in events], [CERTIFICATE_RENEWAL_FAILED])
    check.equal(identity.context(), OLD)
    check.equal(open_files(), [])


@check.case
def an_expired_pair_is_named_once_a_boot() -> None:
    provision()
    identity, events = boot(now_s=101 * DAY_S)
    for _ in range(4):
        identity.context()
        identity.failed(CertificateRefusedError())
    check.equal(events, [(CERTIFICATE_RENEWAL_FAILED, {"error": "certificate_expired"})])
    check.equal(identity.error, "certificate_expired")
    assert identity.is_due()


@check.case
def a_damaged_renewed_pair_falls_back_to_its_twin_and_then_to_the_provisioned_one() -> None:
    provision()
    identity, events = boot()
    identity.context()
    identity.worked()
    renew(identity)
    check.equal([event[0] for event in events], [CERTIFICATE_RENEWED])
    for name, shown in (("renewed", NEW), ("renewed.twin", OLD)):
        with builtins.open("identity/" + name, "wb") as file:
            file.write(b"rot")
        identity, _ = boot()
        check.equal(identity.context(), shown)
    os.remove("identity/key.der")
    identity, _ = boot()
    check.raises(store.IdentityError, identity.context)


check.run()
