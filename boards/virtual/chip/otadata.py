"""Which of the application slots is to be booted: the two records of the otadata partition.

A record counts when its CRC is right and it was not rejected; the higher sequence number wins,
and slot (sequence - 1) modulo the number of slots is meant.

Source: ESP-IDF Programming Guide, "Over The Air Updates": OTA data partition, app rollback.
"""

import struct
import zlib
from dataclasses import dataclass, replace
from enum import IntEnum

# sequence, label (unused), state, CRC of the sequence.
_RECORD = struct.Struct("<I20sII")
_NO_SEQUENCE = 0xFFFFFFFF


class State(IntEnum):
    """How far an application's trial has come."""

    NEW = 0
    PENDING = 1
    VALID = 2
    INVALID = 3
    ABORTED = 4
    UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Record:
    """One of the two records; `sector` is which."""

    sector: int
    sequence: int
    state: int

    def packed(self) -> bytes:
        """Its bytes, with the CRC."""
        return _RECORD.pack(self.sequence, b"\xff" * 20, self.state, _crc(self.sequence))


def read_records(sectors: tuple[bytes, bytes]) -> list[Record]:
    """The records that are whole, the one that counts first."""
    found: list[Record] = []
    for number, sector in enumerate(sectors):
        sequence, _, state, crc = _RECORD.unpack_from(sector)
        if sequence != _NO_SEQUENCE and crc == _crc(sequence):
            found.append(Record(number, sequence, state))
    return sorted(found, key=lambda record: record.sequence, reverse=True)


def after_reset(records: list[Record]) -> tuple[list[Record], list[Record]]:
    """(Records as they stand after this reset's changes, those that changed).

    A trial that did not confirm itself before this reset has failed; a new application now
    begins its trial.
    """
    changed: list[Record] = []
    now: list[Record] = []
    for record in records:
        if record.state == State.PENDING:
            record = replace(record, state=int(State.ABORTED))
            changed.append(record)
        now.append(record)
    chosen = choose(now)
    if chosen is not None and chosen.state == State.NEW:
        pending = replace(chosen, state=int(State.PENDING))
        changed.append(pending)
        now[now.index(chosen)] = pending
    return now, changed


def choose(records: list[Record]) -> Record | None:
    """The record that counts, if any."""
    for record in records:
        if record.state not in (State.INVALID, State.ABORTED):
            return record
    return None


def _crc(sequence: int) -> int:
    return zlib.crc32(struct.pack("<I", sequence), 0xFFFFFFFF)
