"""A list of nodes: checked whole, prepared in pieces, gone on with after a failure."""

from pathlib import Path

import pytest

from tests.unit.tools.node.conftest import token
from tools.client.http import FleetClient
from tools.errors import FileError, RefusedError, UsageError
from tools.node.batch import NODES, PIECE, prepare_batch, read_batch
from tools.node.provision import has_identity

LIST = """node,lat,lon,report_s
pk-sl-001,13.98050,108.00180,

pk-sl-002, 13.98081 ,108.00195,300
"""


def written(folder: Path, text: str | bytes) -> Path:
    """The list as a file."""
    path = folder / "nodes.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_each_line_is_a_plan_with_a_folder_of_its_own(tmp_path: Path) -> None:
    first, second = read_batch(written(tmp_path, LIST), "streetlight", tmp_path / "out")
    assert (first.node, first.latitude_udeg, first.report_s) == ("pk-sl-001", 13_980_500, 900)
    assert (second.folder, second.longitude_udeg) == (tmp_path / "out" / "pk-sl-002", 108_001_950)
    assert second.report_s == 300


def test_what_a_spreadsheet_writes_is_read(tmp_path: Path) -> None:
    text = "\ufeffnode,lon,lat\r\npk-sl-001,108.0,13.9\r\n"
    (plan,) = read_batch(written(tmp_path, text), "streetlight", tmp_path)
    assert plan.latitude_udeg == 13_900_000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("node,lat,lon\n", "names 0 nodes"),
        ("node,lat\npk-sl-001,13\n", ":1: there is no column lon"),
        ("node,lat,lon,pole\npk-sl-001,13,108,7\n", ":1: column 'pole'"),
        ("node,lat,lon,lat\n", ":1: column"),
        (LIST + "pk-sl-003,13.98\n", ":5: 2 columns in place of 4"),
        (LIST + "pk-sl-001,13.98,108.0,\n", ":5: pk-sl-001 stands in line 2 too"),
        (LIST + "Cột 3,13.98,108.0,\n", ":5: 'Cột 3' is no node id"),
        (LIST + "server-1,13.98,108.0,\n", ":5: 'server-1' is no node id"),
        (LIST + "pk-sl-003,108.0,13.98,\n", ":5: lat '108.0'"),
        (LIST + "pk-sl-003,13.98,nan,\n", ":5: lon 'nan'"),
        (LIST + "pk-sl-003,13.98,,\n", ":5: lon ''"),
        (LIST + "pk-sl-003,13.98,108.0,0\n", ":5: report_s '0'"),
        ("node,lat,lon\n" + "".join(f"n-{n},1,1\n" for n in range(NODES + 1)), "1 to 5000"),
    ],
)
def test_the_line_at_fault_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(UsageError) as found:
        read_batch(written(tmp_path, text), "streetlight", tmp_path)
    assert words in str(found.value)


@pytest.mark.parametrize("text", [b"\xff\xfe\x00", b'node,lat,lon\n"pk-sl-001,13,108\n'])
def test_what_is_no_list_is_said(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(FileError, match="is not a CSV file"):
        read_batch(written(tmp_path, text), "streetlight", tmp_path)


@pytest.mark.sockets
def test_a_batch_goes_on_where_it_was_cut_off(
    client: FleetClient, trust: bytes, tmp_path: Path
) -> None:
    rows = [f"pk-sl-00{number},13.98,108.0" for number in range(1, 4)]
    path = written(tmp_path, "\n".join(["node,lat,lon", *rows]))
    plans = read_batch(path, "streetlight", tmp_path / "out")
    assert len(plans) < PIECE
    assert list(prepare_batch(plans[:1], client, token(client), trust)) == [0, 1]
    kept = (plans[0].folder / "identity" / "key.der").read_bytes()
    with pytest.raises(RefusedError, match="token"):
        # One use in the token, two nodes that lack an identity: none of both is made.
        list(prepare_batch(plans, client, token(client), trust))
    assert [has_identity(plan.folder) for plan in plans] == [True, False, False]
    assert list(prepare_batch(plans, client, token(client, 2), trust)) == [1, 3]
    assert all(has_identity(plan.folder) for plan in plans)
    assert (plans[0].folder / "identity" / "key.der").read_bytes() == kept
