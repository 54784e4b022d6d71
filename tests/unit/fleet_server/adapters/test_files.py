"""What lies in the data folder: rights, wholeness, and the second start that changes nothing."""

import hashlib
import os
import stat
import time
from pathlib import Path

import pytest
from cryptography import x509

from fleet_server.adapters import ca_files
from fleet_server.adapters.blobs import BlobFolder
from fleet_server.adapters.ca_files import RENEW_BEFORE_S, SERVER_DAYS
from fleet_server.adapters.files import SECRET_MODE, write_file
from fleet_server.errors import SettingsError
from fleet_server.setup import initialise, new_password
from tests.support.data_folder import Settings, data_folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_secret_is_its_owners_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        settings = Settings(data=tmp_path / "data")
        assert initialise(settings)
    finally:
        os.umask(mask)
    folders = [path for path in settings.data.rglob("*") if path.is_dir()]
    assert {mode(path) for path in [settings.data, *folders]} == {0o700}
    keys = [*settings.data.rglob("*.key"), settings.database_path]
    assert len(keys) == 7
    assert {mode(path) for path in keys} == {0o600}
    assert mode(settings.broker_folder / "mosquitto.conf") == 0o600


def test_the_roots_key_lies_in_the_offline_folder_alone(tmp_path: Path) -> None:
    settings = data_folder(tmp_path / "data")
    key = (settings.offline_folder / "root.key").read_bytes()
    for path, data in contents(settings.data).items():
        assert data != key or path == str(settings.offline_folder / "root.key")


def test_a_second_preparation_changes_nothing(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    password = initialise(settings)
    before = contents(settings.ca_folder) | contents(settings.offline_folder)
    assert initialise(settings) is None
    assert contents(settings.ca_folder) | contents(settings.offline_folder) == before
    assert password is not None
    for path, data in contents(settings.data).items():
        assert password.encode() not in data, path


def test_the_root_key_may_be_carried_away(tmp_path: Path) -> None:
    settings = data_folder(tmp_path / "data")
    (settings.offline_folder / "root.key").unlink()
    ca_files.prepare(settings, int(time.time()))
    assert not (settings.offline_folder / "root.key").exists()
    assert ca_files.load_issuing(settings)


def test_server_certificates_are_renewed_before_they_end_and_for_new_names(
    tmp_path: Path,
) -> None:
    settings = data_folder(tmp_path / "data")
    broker = settings.ca_folder / "broker.pem"
    first, issuing = broker.read_bytes(), (settings.ca_folder / "issuing.pem").read_bytes()
    late_s = int(time.time()) + SERVER_DAYS * 86400 - RENEW_BEFORE_S + 86400
    ca_files.prepare(settings, late_s)
    second = broker.read_bytes()
    assert second != first
    named = Settings(data=settings.data, advertised_host="fleet.pleiku.vn")
    ca_files.prepare(named, late_s)
    certificate = x509.load_pem_x509_certificate(broker.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "fleet.pleiku.vn" in [str(name.value) for name in names]
    assert (settings.ca_folder / "issuing.pem").read_bytes() == issuing


def test_a_preparation_that_was_cut_off_is_begun_anew(tmp_path: Path) -> None:
    settings = data_folder(tmp_path / "data")
    # Cut before the last file of the authorities: nothing can have been issued by them.
    (settings.ca_folder / "issuing.pem").unlink()
    for name in ("broker", "node-port", "server-ingest", "server-command"):
        (settings.ca_folder / f"{name}.pem").unlink()
    ca_files.prepare(settings, int(time.time()))
    issuing = ca_files.load_issuing(settings).certificate
    root = x509.load_pem_x509_certificate((settings.ca_folder / "root.pem").read_bytes())
    issuing.verify_directly_issued_by(root)
    leaf = x509.load_pem_x509_certificate((settings.ca_folder / "broker.pem").read_bytes())
    leaf.verify_directly_issued_by(issuing)


def test_without_a_preparation_the_error_says_what_to_do(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "nothing")
    with pytest.raises(SettingsError, match="init"):
        ca_files.load_issuing(settings)
    with pytest.raises(SettingsError, match="init"):
        new_password(settings, "admin")


def test_a_file_is_whole_or_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_file(path, b"old", SECRET_MODE)
    with pytest.raises(TypeError):
        write_file(path, "not bytes", SECRET_MODE)  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_blobs_are_found_by_their_hash_alone(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path / "blobs")
    name = blobs.put(b"bundle")
    assert name == hashlib.sha256(b"bundle").hexdigest()
    path = blobs.path(name)
    assert path is not None and path.read_bytes() == b"bundle"
    for wrong in ("", "..", "../fleet.db", name.upper(), name[:-1], "0" * 64, name + "\n"):
        assert blobs.path(wrong) is None


def test_a_blob_that_was_altered_is_put_right_by_the_next_upload(tmp_path: Path) -> None:
    blobs = BlobFolder(tmp_path / "blobs")
    name = blobs.put(b"bundle")
    (tmp_path / "blobs" / name).write_bytes(b"hacked")
    assert blobs.put(b"bundle") == name
    assert (tmp_path / "blobs" / name).read_bytes() == b"bundle"
    assert len(list((tmp_path / "blobs").iterdir())) == 1
