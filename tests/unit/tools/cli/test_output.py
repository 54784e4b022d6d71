"""What a server says cannot steer the terminal; tables, pipes and JSON."""

import json

import pytest

from tools.cli.output import (
    clean,
    key_values,
    local_time,
    node_state,
    print_facts,
    print_json,
    print_table,
    progress_bar,
    short_time,
)
from tools.text import plain


def test_names_are_compared_without_accents() -> None:
    assert plain("  Điện   Biên Phủ ") == plain("dien bien phu")
    assert plain("Đèn") != plain("đêm")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        ("", "-"),
        (True, "yes"),
        (1.5, "1.5"),
        ({"a": "ă"}, '{"a": "ă"}'),
        ("\x1b[31mred\x07\n\u202e", " [31mred   "),
    ],
)
def test_any_value_is_one_harmless_line(value: object, text: str) -> None:
    assert clean(value) == text


def test_a_pipe_gets_tabs_and_every_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("ID", "Last seen"), [("a", None), ("b", "Đèn\tx")], "nothing")
    assert capsys.readouterr().out == "id\tlast_seen\na\t-\nb\tĐèn x\n"


def test_json_and_facts(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"name": "Đà Lạt"})
    assert json.loads(capsys.readouterr().out) == {"name": "Đà Lạt"}
    print_facts([("a", 1), ("long name", None)])
    assert capsys.readouterr().out == "a          1\nlong name  -\n"


def test_progress_in_a_pipe_is_a_line_per_change(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("reached", 3) as show:
        for done in (0, 0, 2, 2, 3):
            show(done, "")
    assert capsys.readouterr().out.splitlines() == [
        "reached: 0/3",
        "reached: 2/3",
        "reached: 3/3",
    ]


def test_times_are_vietnams() -> None:
    assert local_time(1763596800) == "20/11/2025 07:00:00"
    assert local_time(None) == local_time("x") == "-"
    assert short_time(1763596800) == "20/11 07:00"
    assert short_time(None) == "-"


@pytest.mark.parametrize(
    ("node", "state"),
    [
        ({"online": True, "mains": True, "faults": []}, "online"),
        ({"online": True, "mains": None, "faults": ["tilt"]}, "fault"),
        ({"online": True, "mains": False, "faults": []}, "dark"),
        ({"online": False, "mains": False}, "dark"),
        ({"online": False, "mains": True}, "offline"),
    ],
)
def test_the_state_of_a_node_is_one_word(node: dict[str, object], state: str) -> None:
    assert node_state(node) == state


def test_key_values_of_a_kind() -> None:
    values = {"level_percent": 40, "lamp_power_w": 31.5}
    assert key_values({"kind": "streetlight", "values": values}) == "40 %, 31.5 W"
    assert key_values({"kind": "streetlight", "values": None}) == "-"
    assert key_values({"kind": "toaster", "values": values}) == "-"
