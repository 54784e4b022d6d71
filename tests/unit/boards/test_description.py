"""board.toml is judged with the line at fault, and no text whatever ends in anything else."""

import ast
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from boards.description import read_board
from boards.errors import BoardError
from boards.parts import NEEDED, PARTS
from protocols.fields import KIND_CODES

KINDS = ("streetlight", "smart_bin", "greenhouse", "reservoir", "control_cabinet")
# Source: ESP32 datasheet, written down here once more so that a slip in chips.py shows.
INPUT_ONLY = {34, 35, 36, 37, 38, 39}
NEVER = {0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 15, 20, 24, 28, 29, 30, 31}


@pytest.fixture(scope="session")
def street_text(repository: Path) -> str:
    """The streetlight's description."""
    return (repository / "boards" / "streetlight_esp32" / "board.toml").read_text("utf-8")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that bears the streetlight board's name."""
    made = tmp_path_factory.mktemp("boards") / "streetlight_esp32"
    made.mkdir()
    return made


def refusal(folder: Path, text: str | bytes) -> BoardError:
    """The error that a text meets."""
    path = folder / "board.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BoardError) as caught:
        read_board(path)
    return caught.value


def line_of(text: str, wanted: str, after: str = "") -> int:
    """The number of the first line that is `wanted`, searched after the line `after`."""
    lines = text.split("\n")
    start = lines.index(after) if after else 0
    return lines.index(wanted, start) + 1


@pytest.mark.parametrize(
    ("board", "kind"),
    [*((f"{kind}_esp32", kind) for kind in KINDS), ("streetlight_dali_esp32", "streetlight")],
)
def test_our_boards_are_what_the_firmware_loads(repository: Path, board: str, kind: str) -> None:
    compiled = read_board(repository / "boards" / board / "board.toml").compiled()
    assert compiled["kind"] == kind
    assert set(NEEDED[kind]) <= set(compiled["parts"])
    buses = {part["bus"] for part in compiled["parts"].values() if "bus" in part}
    assert buses == set(compiled["buses"])
    # firmware/core/limits.py: CONFIG_BYTES.
    assert len(json.dumps(compiled)) < 8192


def test_every_part_has_a_driver_and_a_simulator(repository: Path) -> None:
    # drivers/board.py finds a part's driver by the module of its name.
    drivers = {
        path.stem
        for path in (repository / "firmware" / "drivers").glob("*.py")
        if re.search(r"^class Driver\b", path.read_text("utf-8"), re.MULTILINE)
    }
    assert drivers == set(PARTS)
    simulators = repository / "boards" / "virtual" / "device" / "peripherals" / "__init__.py"
    strings = {
        node.value
        for node in ast.walk(ast.parse(simulators.read_text("utf-8")))
        if isinstance(node, ast.Constant)
    }
    assert set(PARTS) <= strings


@pytest.mark.parametrize(
    ("old", "new", "wanted", "words"),
    [
        ("relay = 26", "relay = 25", "relay = 25", "pin 25 is used twice"),
        ("sense = 34", "sense = 21", "sense = 21", "pin 21 is used twice"),
        ("pwm = 25", "pwm = 35", "pwm = 35", "input-only"),
        ("tx = 17", "tx = 34", "tx = 34", "input-only"),
        ("adc = 36", "adc = 27", "adc = 27", "no ADC"),
        ("pwm = 25", "pwm = 12", "pwm = 12", "sampled at reset"),
        ("pwm = 25", "pwm = 5", "pwm = 5", "sampled at reset"),
        ("pwm = 25", "pwm = 6", "pwm = 6", "pin 6 is wired to the flash"),
        ("pwm = 25", "pwm = 1", "pwm = 1", "pin 1 is the console's"),
        ("pwm = 25", "pwm = 24", "pwm = 24", "esp32 has no pin 24"),
        ("pwm = 25", "pwm = 38", "pwm = 38", "not led out"),
        ("pwm = 25", "pwm = 0", "pwm = 0", "sampled at reset: it chooses between"),
        ("tx = 17\n", "", "[bus.uart2]", "needs tx"),
        ("pwm = 25", "pwm = 64", "pwm = 64", "not 0 to 63"),
        ("pwm = 25", 'pwm = "25"', 'pwm = "25"', "whole number"),
        ("pwm = 25", "pwm = true", "pwm = true", "whole number"),
        ("pwm = 25\n", "", "[part.lamp]", "needs pwm"),
        ("rated_w = 100", "rated_w = 0", "rated_w = 0", "not 1 to 1000"),
        ("rated_w = 100", "rated_w = 1\nwatts = 3", "watts = 3", "unknown key 'watts'"),
        ('part = "bl0942"', 'part = "bl0943"', 'part = "bl0943"', "unknown part 'bl0943'"),
        ('part = "bl0942"', 'part = "jsn_sr04t"', "shunt_uohm = 1000", "unknown key"),
        ('bus = "uart2"', 'bus = "uart1"', 'bus = "uart1"', "no [bus.uart1]"),
        ('bus = "uart2"', 'bus = "i2c0"', 'bus = "i2c0"', "speaks uart"),
        ("baud = 4800", "baud = 9600", "baud = 9600", "speaks 4800"),
        ("address = 0x23", "address = 0x24", "address = 0x24", "only be at 0x23"),
        ("[bus.uart2]", "[bus.uart0]", "[bus.uart0]", "no uart0 for parts"),
        ("[bus.uart2]", "[bus.spi1]", "[bus.spi1]", "uart1, uart2"),
        ("[part.tilt]", '[part."Tilt!"]', '[part."Tilt!"]', "lower-case"),
        ('chip = "esp32"', 'chip = "esp8266"', 'chip = "esp8266"', "unknown chip"),
        ("flash_mb = 4", "flash_mb = 5", "flash_mb = 5", "MiB"),
        ('kind = "streetlight"', 'kind = "lamp"', 'kind = "lamp"', "unknown kind"),
        ('name = "streetlight_esp32"', 'name = "x"', 'name = "x"', "in folder"),
        ("[part.mains]", "[part.main]", 'kind = "streetlight"', "needs [part.mains]"),
        ("[bus.i2c0]", "[buses.i2c0]", "[buses.i2c0]", "unknown table"),
        ("pwm = 25", "pwm = = 25", "pwm = = 25", "not TOML"),
    ],
)
def test_a_mistake_is_named_with_its_line(
    folder: Path, street_text: str, old: str, new: str, wanted: str, words: str
) -> None:
    assert old in street_text
    text = street_text.replace(old, new, 1)
    error = refusal(folder, text)
    assert words in str(error)
    assert error.line == line_of(text, wanted)
    assert str(error).startswith(f"{folder / 'board.toml'}:{error.line}: ")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("wake = 33", "wake = 18", "pin 18 cannot wake the chip"),
        ("wake = 33", "wake = 32", "pin 32 is used twice"),
        ("wake = 32", "wake = 16", "pin 16 is used twice"),
        ("gap_mm = 280", "gap_mm = 250", "not 260 to 1000"),
        ("closes_c = 70", "closes_c = 40", "not 50 to 120"),
    ],
)
def test_a_bin_that_cannot_be_woken_or_sees_its_brim_not_is_refused(
    repository: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    source = (repository / "boards" / "smart_bin_esp32" / "board.toml").read_text("utf-8")
    made = tmp_path / "smart_bin_esp32"
    made.mkdir()
    text = source.replace(old, new, 1)
    after = "[part.tilt]" if old == "wake = 33" else ""
    error = refusal(made, text)
    assert words in error.message
    assert error.line == line_of(text, new, after)


def test_the_distance_of_a_bin_is_measured_by_sound_or_by_light(repository: Path) -> None:
    compiled = read_board(repository / "boards" / "smart_bin_tof_esp32" / "board.toml").compiled()
    assert compiled["parts"]["fill"]["part"] == "vl53l1x"
    assert "uart2" not in compiled["buses"]
    # A wake pin may be left unconnected.
    assert (
        "wake"
        not in read_board(repository / "boards" / "streetlight_esp32" / "board.toml").parts["tilt"]
    )


def test_two_parts_never_share_an_address_or_a_serial_line(folder: Path, street_text: str) -> None:
    text = street_text + '[part.second]\npart = "bh1750"\nbus = "i2c0"\naddress = 0x23\n'
    error = refusal(folder, text)
    assert "taken by [part.photocell]" in error.message
    assert error.line == line_of(text, "address = 0x23", "[part.second]")
    text = street_text + (
        '[part.second]\npart = "bl0942"\nbus = "uart2"\n'
        "shunt_uohm = 1000\nupper_ohm = 1\nlower_ohm = 1\n"
    )
    error = refusal(folder, text)
    assert "uart2 is taken by [part.meter]" in error.message
    assert error.line == line_of(text, 'bus = "uart2"', "[part.second]")


def test_a_bus_is_as_slow_as_its_slowest_part(folder: Path, street_text: str) -> None:
    text = street_text.replace("freq = 100000", "freq = 400000")
    (folder / "board.toml").write_text(text)
    assert read_board(folder / "board.toml").buses["i2c0"]["freq"] == 400000
    text += '[part.leaf]\npart = "mlx90614"\nbus = "i2c0"\naddress = 0x5A\n'
    error = refusal(folder, text)
    assert error.line == line_of(text, "freq = 400000")


def test_a_span_upside_down_is_refused(repository: Path, tmp_path: Path) -> None:
    source = (repository / "boards" / "reservoir_esp32" / "board.toml").read_text("utf-8")
    made = tmp_path / "reservoir_esp32"
    made.mkdir()
    text = source.replace("low_mm = 0", "low_mm = 10000")
    assert refusal(made, text).line == line_of(text, "high_mm = 10000")


def test_lines_are_found_in_other_ways_of_writing_too(folder: Path, street_text: str) -> None:
    whole = "[bus.uart2]\ntx = 17\nrx = 16\nbaud = 4800\n"
    assert whole in street_text
    inline = "bus.uart2 = {tx = 34, rx = 16, baud = 4800}\n" + street_text.replace(whole, "")
    # A table that was begun inline cannot be added to.
    inline = inline.replace("[bus.i2c0]\nscl = 22\nsda = 21\nfreq = 100000\n", "")
    assert refusal(folder, inline).line == 1
    # A separator that Python's splitlines takes for the end of a line, and TOML does not.
    odd = "# one\u2028line\n" + street_text.replace("relay = 26", "relay = 25")
    assert refusal(folder, odd).line == line_of(odd, "relay = 25")
    spaced = street_text.replace("[part.lamp]", '[ part . "lamp" ]').replace("pwm = 25", "pwm = 6")
    assert refusal(folder, spaced).line == line_of(spaced, "pwm = 6")


def test_what_is_no_text_is_refused_in_its_line(folder: Path, street_text: str) -> None:
    assert refusal(folder, b'[board]\nname = "a\xff"\n').line == 2
    assert refusal(folder, "a = " + "[" * 5000).line == 1
    assert "longer" in refusal(folder, b"#" * 70000).message
    assert refusal(folder, "").line == 1
    assert refusal(folder, street_text + "[part.x").line == street_text.count("\n") + 1


@given(st.lists(st.integers(0, 45), min_size=4, max_size=4))
def test_a_board_passes_only_with_good_pins(
    folder: Path, street_text: str, pins: list[int]
) -> None:
    text = street_text
    for line, pin in zip(("pwm = 25", "relay = 26", "tx = 17", "scl = 22"), pins, strict=True):
        assert line in text
        text = text.replace(line, f"{line.split()[0]} = {pin}", 1)
    bad = NEVER | INPUT_ONLY | set(range(40, 46))
    others = [16, 21, 34, 36]
    if len(set(pins + others)) == 8 and not bad & set(pins):
        (folder / "board.toml").write_text(text)
        assert read_board(folder / "board.toml").parts["lamp"]["pwm"] == pins[0]
    else:
        assert 1 <= refusal(folder, text).line <= text.count("\n")


@given(data=st.data())
def test_a_damaged_description_ends_in_a_named_line(
    folder: Path, street_text: str, data: st.DataObject
) -> None:
    lines = street_text.split("\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        change = data.draw(st.sampled_from(["drop", "twice", "text", "cut"]))
        if change == "drop":
            del lines[at]
        elif change == "twice":
            lines.insert(at, lines[at])
        elif change == "text":
            lines[at] = data.draw(st.text(max_size=30))
        else:
            lines[at] = lines[at][: data.draw(st.integers(0, len(lines[at])))]
    check_any(folder, "\n".join(lines).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200))
def test_bytes_of_a_stranger_end_in_a_named_line(folder: Path, raw: bytes) -> None:
    check_any(folder, raw)


def check_any(folder: Path, raw: bytes) -> None:
    """Whatever a file holds, it is a board or one line of complaint."""
    path = folder / "board.toml"
    path.write_bytes(raw)
    try:
        board = read_board(path)
    except BoardError as error:
        assert 1 <= error.line <= raw.count(b"\n") + 1
        assert "\n" not in str(error)
    else:
        assert board.kind == "streetlight"
        assert json.loads(json.dumps(board.compiled())) == board.compiled()


METER = '[part.%s]\npart = "sdm630"\nbus = "uart1"\naddress = %d\n'
PIN_KEYS = {"tx", "rx", "scl", "sda", "direction"}
RS485 = "[bus.uart1]\ntx = 32\nrx = 33\ndirection = 27\nbaud = 9600\n"


def test_modbus_slaves_share_a_line_by_address(folder: Path, street_text: str) -> None:
    text = street_text + RS485 + METER % ("one", 1) + METER % ("two", 247)
    (folder / "board.toml").write_text(text)
    board = read_board(folder / "board.toml")
    assert board.buses["uart1"]["direction"] == 27
    assert [board.parts[name]["address"] for name in ("one", "two")] == [1, 247]
    error = refusal(folder, text.replace("address = 247", "address = 1"))
    assert "0x1 on uart1 is taken by [part.one]" in error.message
    assert error.line == line_of(text, "[part.two]") + 3
    assert "not 1 to 247" in refusal(folder, text.replace("address = 247", "address = 248")).message
    error = refusal(folder, text.replace("direction = 27", "direction = 35"))
    assert "input-only" in error.message
    error = refusal(folder, text.replace("baud = 9600", "baud = 1200"))
    assert error.line == line_of(text, "baud = 9600")


def test_a_serial_line_is_for_modbus_or_for_one_part(folder: Path, street_text: str) -> None:
    meter = METER % ("one", 1)
    text = street_text.replace("baud = 4800", "baud = 4800\ndirection = 27")
    error = refusal(folder, text)
    assert "no RS485" in error.message
    assert error.line == line_of(text, "direction = 27")
    text = street_text + meter.replace("uart1", "uart2")
    assert "taken by [part.meter]" in refusal(folder, text).message


def test_a_module_with_psram_has_fewer_pins(folder: Path, street_text: str) -> None:
    text = street_text.replace('chip = "esp32"', 'chip = "esp32_psram"')
    error = refusal(folder, text)
    assert "pin 17 is wired to the PSRAM" in error.message
    assert error.line == line_of(text, "tx = 17")
    (folder / "board.toml").write_text(text.replace("tx = 17", "tx = 32").replace("16", "33"))
    assert read_board(folder / "board.toml").chip == "esp32_psram"


def test_a_bus_with_nothing_on_it_is_refused(folder: Path, street_text: str) -> None:
    error = refusal(folder, street_text + RS485)
    assert error.message == "no part is on uart1"
    assert error.line == line_of(street_text + RS485, "[bus.uart1]")


def test_feeders_are_numbered_without_a_gap(repository: Path, tmp_path: Path) -> None:
    source = repository / "boards" / "control_cabinet_esp32" / "board.toml"
    made = tmp_path / "control_cabinet_esp32"
    made.mkdir()
    text = source.read_text("utf-8").replace("[part.feeder_2]", "[part.feeder_4]")
    error = refusal(made, text)
    assert "after [part.feeder_2]" in error.message or "after [part.feeder_3]" in error.message
    assert text.split("\n")[error.line - 1] in ("[part.feeder_3]", "[part.feeder_4]")


def ours(repository: Path) -> list[Path]:
    """The folders of all our boards."""
    return sorted(path.parent for path in (repository / "boards").glob("*/board.toml"))


def test_every_kind_has_a_board_for_each_size_of_flash(repository: Path) -> None:
    kinds: set[str] = set()
    for folder in ours(repository):
        for flash_mb in (4, 8):
            board = read_board(folder / "board.toml", flash_mb)
            assert board.flash_mb == flash_mb
            assert max(at + size for _, _, at, size in board.partitions.values()) == flash_mb << 20
            kinds.add(board.kind)
        with pytest.raises(BoardError) as caught:
            read_board(folder / "board.toml", 5)
        assert "[4, 8, 16] MiB" in str(caught.value)
    assert kinds == set(KIND_CODES) == set(NEEDED)


def test_every_wiring_shows_all_pins_and_a_picture(repository: Path) -> None:
    for folder in ours(repository):
        text = (folder / "README.md").read_text("utf-8")
        first = [line.split("|")[1] for line in text.split("\n") if line.startswith("|")]
        told = {int(number) for cell in first for number in re.findall(r"\b\d+\b", cell)}
        board = read_board(folder / "board.toml")
        wired = {line[key] for line in board.buses.values() for key in PIN_KEYS & set(line)}
        for part in board.parts.values():
            kind = PARTS[str(part["part"])]
            wired |= {int(part[key]) for key in {**kind.pins, **kind.options} if key in part}
        assert wired <= told, folder.name
        assert "```" in text, f"{folder.name}: a picture in text"


def test_every_part_on_a_board_is_one_that_its_kind_asks_for(repository: Path) -> None:
    for folder in ours(repository):
        board = read_board(folder / "board.toml")
        sources = [
            path.read_text("utf-8")
            for place in ("firmware/nodes", "firmware/net", "protocols")
            for path in (repository / place).rglob("*.py")
        ]
        for name in board.parts:
            if board.parts[name]["part"] == "thermal_switch":
                continue  # it ends a sleep, and nobody reads it
            wanted = re.sub(r"_\d+$", "_%d", name)
            asked = any(f'"{wanted}"' in source for source in sources)
            assert asked, f"{folder.name}: {name}"
