"""Preparing nodes against the real fleet server: keys, certificates, and nothing left half-done."""

import json
import os
import stat
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from tests.unit.tools.node.conftest import token
from tools.client.http import FleetClient
from tools.errors import FileError, RefusedError, ToolError, UsageError
from tools.node.provision import Plan, has_identity, prepare

pytestmark = pytest.mark.sockets


def plan(folder: Path, node: str = "pk-sl-001") -> Plan:
    return Plan(node, "streetlight", folder, 13_980_500, 108_001_800, report_s=30)


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_node_gets_all_that_it_needs(client: FleetClient, trust: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "node"
    prepare([plan(folder)], client, token(client), trust)
    assert entries(folder) == ["config.json", "identity", "trust.json"]
    assert entries(folder / "identity") == ["ca.der", "cert.der", "key.der"]
    assert has_identity(folder)
    config = json.loads((folder / "config.json").read_text())
    assert config["node"] == "pk-sl-001"
    assert (config["latitude_udeg"], config["utc_offset_min"]) == (13980500, 420)
    assert config["broker"] == ["127.0.0.1", 1]
    assert (folder / "trust.json").read_bytes() == trust


def test_the_key_is_its_owners_alone_and_the_certificate_is_for_it(
    client: FleetClient, trust: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    mask = os.umask(0)
    try:
        prepare([plan(folder)], client, token(client), trust)
    finally:
        os.umask(mask)
    identity = folder / "identity"
    assert stat.S_IMODE(identity.stat().st_mode) == 0o700
    assert stat.S_IMODE((identity / "key.der").stat().st_mode) == 0o600
    key = serialization.load_der_private_key((identity / "key.der").read_bytes(), None)
    certificate = x509.load_der_x509_certificate((identity / "cert.der").read_bytes())
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == "CN=pk-sl-001"
    x509.load_der_x509_certificate((identity / "ca.der").read_bytes())


def test_an_identity_is_never_overwritten_unasked(
    client: FleetClient, trust: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    word = token(client, 2)
    prepare([plan(folder)], client, word, trust)
    first = (folder / "identity" / "key.der").read_bytes()
    with pytest.raises(FileError, match="--replace"):
        prepare([plan(folder)], client, word, trust)
    assert (folder / "identity" / "key.der").read_bytes() == first
    prepare([plan(folder)], client, word, trust, replace=True)
    assert (folder / "identity" / "key.der").read_bytes() != first
    assert entries(folder) == ["config.json", "identity", "trust.json"]


@pytest.mark.parametrize("word", ["", "cfe_wrong"])
def test_a_wrong_token_leaves_nothing_behind(
    client: FleetClient, trust: bytes, tmp_path: Path, word: str
) -> None:
    with pytest.raises(RefusedError, match="token"):
        prepare([plan(tmp_path / "node")], client, word, trust)
    assert not (tmp_path / "node").exists()


def test_a_used_up_token_or_one_of_another_kind_leaves_nothing_behind(
    client: FleetClient, trust: bytes, tmp_path: Path
) -> None:
    word = token(client)
    prepare([plan(tmp_path / "first")], client, word, trust)
    for wrong in (word, token(client, kind="smart_bin")):
        with pytest.raises(RefusedError, match="token"):
            prepare([plan(tmp_path / "second")], client, wrong, trust)
    assert not (tmp_path / "second").exists()


def test_a_batch_is_enrolled_as_a_whole_or_not_at_all(
    client: FleetClient, trust: bytes, tmp_path: Path
) -> None:
    plans = [plan(tmp_path / node, node) for node in ("pk-sl-002", "no-such-node")]
    word = token(client, 2)
    with pytest.raises(ToolError, match="no-such-node"):
        prepare(plans, client, word, trust)
    assert not any(item.folder.exists() for item in plans)
    # Nothing of the token was spent.
    good = [plan(tmp_path / node, node) for node in ("pk-sl-002", "pk-sl-003")]
    prepare(good, client, word, trust)
    assert all(has_identity(item.folder) for item in good)


def test_a_folder_that_cannot_be_written_keeps_no_half_secret(
    client: FleetClient, trust: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "node"
    folder.write_text("in the way")
    with pytest.raises(FileError, match="cannot make"):
        prepare([plan(folder)], client, token(client), trust)
    target = tmp_path / "other"
    target.mkdir()
    # A file where the identity belongs: refused before a key is made.
    (target / "identity").touch()
    with pytest.raises(FileError, match="identity already"):
        prepare([plan(target)], client, token(client), trust)
    assert entries(target) == ["identity"]


def test_a_plan_that_cannot_be_is_refused_before_the_server_is_asked(
    trust: bytes, tmp_path: Path
) -> None:
    with FleetClient("http://127.0.0.1:9") as nobody:
        for wrong in (
            Plan("Has Spaces", "streetlight", tmp_path / "n", 0, 0),
            Plan("server-x", "streetlight", tmp_path / "n", 0, 0),
            Plan("pk-sl-001", "toaster", tmp_path / "n", 0, 0),
            Plan("pk-sl-001", "streetlight", tmp_path / "n", 90_000_001, 0),
        ):
            with pytest.raises(UsageError):
                prepare([wrong], nobody, "word", trust)
        with pytest.raises(FileError, match="trust file is damaged"):
            prepare([plan(tmp_path / "n")], nobody, "word", trust[:-9])
    assert not (tmp_path / "n").exists()
