"""`cityfleet rules`: what is sent, what is shown, and files that are none."""

import json
from pathlib import Path

import pytest

from tests.unit.tools.cli.test_errors import Shell
from tests.unit.tools.small_server import small_server

pytestmark = pytest.mark.sockets

WATER = {"irrigation": {"measure": "soil_moisture_percent", "on": 25, "off": 32.5, "fail_safe": 0}}


def test_rules_are_sent_whole_and_shown(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    (tmp_path / "water.json").write_text(json.dumps(WATER))
    with small_server() as server:
        shell.remember(server)
        server.answer("PUT /api/v1/rules", {"command_id": 7})
        server.answer("GET /api/v1/nodes/dl-gh-001/rules", {"version": 3, "rules": WATER})
        done = shell.run("rules", "set", "water.json", "--node", "dl-gh-001")
        assert done.stdout == "command 7: rules for irrigation\n", done
        sent = json.loads(server.asked[-1].body)
        assert sent == {"node_ids": ["dl-gh-001"], "rules": WATER}
        shown = shell.run("rules", "show", "dl-gh-001").stdout
        assert "32.5" in shown and "soil_moisture_percent" in shown
        again = shell.run("rules", "show", "dl-gh-001", "--json").stdout
        assert json.loads(again) == WATER
        cleared = shell.run("rules", "clear", "--node", "dl-gh-001")
        assert cleared.stdout == "command 7: rules for no output\n"
        assert json.loads(server.asked[-1].body)["rules"] == {}


@pytest.mark.parametrize("text", ["{", "[]", "3"])
def test_a_file_that_holds_no_rules_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    line = Shell(tmp_path).fails("rules", "set", "bad.json", "--node", "dl-gh-001")
    assert "bad.json" in line
    assert "no-such.json" in Shell(tmp_path).fails("rules", "set", "no-such.json", "-n", "x")


def test_somebody_must_be_named(tmp_path: Path) -> None:
    assert "--group" in Shell(tmp_path).fails("rules", "clear")
