"""What the demo tells a newcomer to type must be what the command understands."""

import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from tools.cli.main import app
from tools.demo.accounts import Login
from tools.demo.district import load_district
from tools.demo.folder import DemoFolder
from tools.demo.orders import cabinet_id, feeder_id, node_id
from tools.demo.script import counts_text, welcome, what_to_try
from tools.errors import NotFoundError

HERE = Path("/my city")
SCRIPT = what_to_try(DemoFolder(HERE / ".demo"), HERE / ".venv/bin/cityfleet", HERE)
LINES = [line.strip() for line in SCRIPT.splitlines() if ".venv/bin/cityfleet" in line]


@pytest.mark.parametrize("line", LINES)
def test_every_line_to_try_is_a_command_with_its_options(line: str) -> None:
    words = shlex.split(line)
    assert words.pop(0) == ".venv/bin/cityfleet"
    command: Any = typer.main.get_command(app)
    context = command.make_context("cityfleet", words)
    depth = 0
    while isinstance(command, TyperGroup):
        rest = [*context._protected_args, *context.args]
        name, command, words = command.resolve_command(context, rest)
        # Raises a usage error for a command or an option that does not exist.
        context = command.make_context(name, words, parent=context)
        depth += 1
    assert depth == 2


def test_the_script_shows_everything_that_was_promised() -> None:
    for words in (
        "nodes list",
        "schedule push",
        "override set",
        "demo cut-feeder",
        "demo restore-feeder",
        "demo stop-server",
        "demo start-server",
        "release build",
        "release sign",
        "release upload",
        "rollout start",
        "demo forge-release",
        "demo tamper-release",
    ):
        assert any(words in line for line in LINES), words


def test_paths_elsewhere_are_whole_and_quoted() -> None:
    script = what_to_try(DemoFolder(HERE / ".demo"), Path("/opt/bin/cityfleet"), Path("/home"))
    assert "  /opt/bin/cityfleet nodes list" in script
    assert "--key '/my city/.demo/release-keys/release-key.pem'" in script


def test_names_in_the_script_are_names_of_the_district() -> None:
    groups = {group.name for group in load_district().groups}
    for line in LINES:
        words = shlex.split(line)
        if "--group" in words:
            assert words[words.index("--group") + 1] in groups
        if "cut-feeder" in words:
            assert feeder_id(words[-1])


def test_the_password_is_shown_at_the_first_start_only() -> None:
    first = welcome("http://127.0.0.1:8080", Login("admin", "s3cret"), "20/11/2025 16:30", 360)
    assert "user admin, password s3cret" in first
    assert "a night of 12 hours takes 2 minutes" in first
    later = welcome("http://127.0.0.1:8080", None, "20/11/2025 16:30", 1)
    assert "cityfleet demo password" in later
    assert counts_text(load_district()) == (
        "30 streetlights, 4 bins, 3 greenhouses, 3 reservoir gauges under 2 cabinets and 4 feeders"
    )


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("pk-fd-2", "pk-fd-2"),
        ("Trần Hưng Đạo", "pk-fd-2"),
        ("tran hung dao", "pk-fd-2"),
        ("quoc toan", "dl-fd-1"),
    ],
)
def test_a_feeder_is_found_by_what_a_person_types(typed: str, found: str) -> None:
    assert feeder_id(typed) == found


def test_what_is_not_there_is_named_with_what_is() -> None:
    for find in (feeder_id, cabinet_id, node_id):
        with pytest.raises(NotFoundError, match="there are: "):
            find("Atlantis")
