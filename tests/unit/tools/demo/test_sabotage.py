"""The thief alters what he says and nothing else."""

import hashlib
from pathlib import Path

import pytest

from tools.demo.folder import DemoFolder
from tools.demo.sabotage import tamper
from tools.errors import DemoError, NotFoundError


def test_one_byte_of_the_named_bundle_is_altered(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    blobs = folder.server / "blobs"
    blobs.mkdir(parents=True)
    data = bytes(range(256)) * 4
    name = hashlib.sha256(data).hexdigest()
    (blobs / name).write_bytes(data)
    (blobs / name).chmod(0o400)
    (blobs / "other").write_bytes(b"untouched")
    offset = tamper(folder, {"sha256": name})
    altered = (blobs / name).read_bytes()
    assert [at for at in range(len(data)) if altered[at] != data[at]] == [offset]
    assert len(altered) == len(data)
    assert (blobs / name).stat().st_mode & 0o777 == 0o400
    assert (blobs / "other").read_bytes() == b"untouched"


def test_a_bundle_that_is_not_there(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path)
    with pytest.raises(NotFoundError):
        tamper(folder, {"sha256": "0" * 64})
    for strange in ({}, {"sha256": "../fleet.db"}):
        with pytest.raises(DemoError):
            tamper(folder, strange)
