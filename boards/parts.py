"""The parts that a board may carry: their pins, their bus and their figures.

A part here has a driver of its name in firmware/drivers and a simulator in
boards/virtual/device/peripherals. Which parts a kind of node cannot do without stands here
too, by the name they must bear.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from enum import Enum


class Use(Enum):
    """What a part does with a pin."""

    INPUT = "input"
    OUTPUT = "output"
    ANALOG = "analog input"
    CLOCK_OUTPUT = "output of the Ethernet clock"
    WAKE = "wake input"


@dataclass(frozen=True, slots=True)
class PartType:
    """One kind of part.

    Attributes:
        pins: Key in board.toml -> what the pin is used for.
        fixed: Pins that the chip gives to such a part and that board.toml need not name.
        options: The same, for pins that may be left unconnected.
        bus: "uart", "i2c" or None.
        bauds: The serial rates that the part can speak at, for UART parts.
        modbus: Whether it is a Modbus slave, which shares its UART by address (RS485).
        addresses: The addresses that the part can be set to on I2C or Modbus.
        most_hz: The fastest I2C clock that the part follows, from its datasheet.
        figures: Key -> lowest and highest integer.
        span: Two figures of which the first must be the smaller one.
    """

    pins: dict[str, Use] = field(default_factory=dict[str, Use])
    options: dict[str, Use] = field(default_factory=dict[str, Use])
    fixed: tuple[int, ...] = ()
    bus: str | None = None
    bauds: tuple[int, ...] = ()
    modbus: bool = False
    addresses: Collection[int] = ()
    most_hz: int = 400_000
    figures: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    span: tuple[str, str] | None = None


_OHM = (1, 10_000_000)
# MODBUS over Serial Line V1.02, 2.2: 0 is broadcast, 248 to 255 are reserved.
_SLAVES = range(1, 248)

PARTS: dict[str, PartType] = {
    "lamp_pwm_relay": PartType(
        pins={"pwm": Use.OUTPUT, "relay": Use.OUTPUT},
        # What the 0-10 V stage gives at no duty and at full duty, and the gear's least output.
        figures={
            "pwm_hz": (100, 40_000),
            "rated_w": (1, 1000),
            "zero_mv": (0, 900),
            "full_mv": (10_000, 12_000),
            "least_percent": (1, 50),
        },
    ),
    # A short address of 64 speaks to whatever gear there is.
    "lamp_dali": PartType(
        pins={"tx": Use.OUTPUT, "rx": Use.INPUT},
        figures={"rated_w": (1, 1000), "short_address": (0, 64)},
    ),
    "mains_detector": PartType(pins={"sense": Use.INPUT}),
    "bl0942": PartType(
        bus="uart",
        bauds=(4800,),
        figures={"shunt_uohm": (100, 100_000), "upper_ohm": _OHM, "lower_ohm": _OHM},
    ),
    "feeder_switch": PartType(
        pins={"coil": Use.OUTPUT, "feedback": Use.INPUT, "breaker": Use.INPUT},
        figures={"phase": (0, 3), "on_from_percent": (1, 100), "rated_w": (1, 50_000)},
    ),
    "contact": PartType(pins={"sense": Use.INPUT}, figures={"active": (0, 1)}),
    # SDM630-Modbus: the rates of its set-up menu.
    "sdm630": PartType(
        bus="uart", modbus=True, bauds=(2400, 4800, 9600, 19200, 38400), addresses=_SLAVES
    ),
    "hlw8012": PartType(
        pins={"cf": Use.INPUT, "cf1": Use.INPUT, "sel": Use.OUTPUT},
        figures={"shunt_uohm": (100, 100_000), "upper_ohm": _OHM, "lower_ohm": _OHM},
    ),
    "jsn_sr04t": PartType(
        # The gap keeps a full bin outside of the blind zone: 250 mm here, 40 mm below.
        bus="uart",
        bauds=(9600,),
        figures={"depth_mm": (200, 5000), "gap_mm": (260, 1000)},
    ),
    "vl53l1x": PartType(
        bus="i2c",
        addresses=(0x29,),
        figures={"depth_mm": (200, 3000), "gap_mm": (50, 1000)},
    ),
    # A bimetal contact from 3.3 V to the pin: it costs no current and wakes the chip.
    "thermal_switch": PartType(pins={"wake": Use.WAKE}, figures={"closes_c": (50, 120)}),
    # SIMCom modules at the rate they leave the factory with; transistors pull their keys low.
    "sim7600": PartType(
        bus="uart",
        bauds=(115200,),
        pins={"power_key": Use.OUTPUT, "reset": Use.OUTPUT},
        figures={"boot_ms": (1000, 60_000)},
    ),
    "a7670": PartType(
        bus="uart",
        bauds=(115200,),
        pins={"power_key": Use.OUTPUT, "reset": Use.OUTPUT},
        figures={"boot_ms": (1000, 60_000)},
    ),
    # ESP32 Technical Reference Manual, table of the EMAC: RMII data is on these pins and no
    # others.
    "lan8720": PartType(
        pins={
            "mdc": Use.OUTPUT,
            "mdio": Use.OUTPUT,
            "ref_clk": Use.CLOCK_OUTPUT,
            "power": Use.OUTPUT,
        },
        fixed=(19, 21, 22, 25, 26, 27),
        figures={"phy_addr": (0, 31)},
    ),
    "bh1750": PartType(bus="i2c", addresses=(0x23, 0x5C)),
    "lis3dh": PartType(options={"wake": Use.WAKE}, bus="i2c", addresses=(0x18, 0x19)),
    "sht3x": PartType(bus="i2c", addresses=(0x44, 0x45)),
    "sht4x": PartType(bus="i2c", addresses=(0x44, 0x45, 0x46)),
    "soil_modbus": PartType(bus="uart", modbus=True, bauds=(2400, 4800, 9600), addresses=_SLAVES),
    # Function, register and size of a count as the radar's maker says; `health` 1: the register
    # before tells whether there is an echo. Its mount is above the gauge's zero.
    "radar_modbus": PartType(
        bus="uart",
        modbus=True,
        bauds=(9600, 19200, 38400, 57600, 115200),
        addresses=_SLAVES,
        figures={
            "function": (3, 4),
            "register": (1, 0xFFFF),
            "health": (0, 1),
            "unit_um": (10, 100_000),
            "mount_mm": (-100_000, 9_000_000),
        },
    ),
    "relay_output": PartType(pins={"pin": Use.OUTPUT}, figures={"active": (0, 1)}),
    "vent_motor": PartType(
        pins={"open": Use.OUTPUT, "close": Use.OUTPUT}, figures={"travel_s": (5, 600)}
    ),
    "scd4x": PartType(bus="i2c", addresses=(0x62,), most_hz=100_000),
    "mlx90614": PartType(bus="i2c", addresses=(0x5A,), most_hz=100_000),
    "ads1115_loop": PartType(
        bus="i2c",
        addresses=(0x48, 0x49, 0x4A, 0x4B),
        figures={
            "channel": (0, 3),
            "shunt_ohm": (10, 250),
            "low_mm": (-100_000, 9_000_000),
            "high_mm": (-100_000, 9_000_000),
        },
        span=("low_mm", "high_mm"),
    ),
    "tipping_bucket": PartType(pins={"pulse": Use.INPUT}, figures={"tip_um": (50, 2000)}),
    "ntc": PartType(
        pins={"adc": Use.ANALOG},
        figures={"pull_ohm": _OHM, "r25_ohm": _OHM, "beta_k": (2000, 6000)},
    ),
    "battery_divider": PartType(
        pins={"adc": Use.ANALOG}, figures={"upper_ohm": _OHM, "lower_ohm": _OHM}
    ),
    "position_sensor": PartType(pins={"adc": Use.ANALOG}, figures={"full_mv": (100, 3300)}),
}

# Kind of node -> name on the board -> the part types that can play that role.
NEEDED: dict[str, dict[str, tuple[str, ...]]] = {
    "streetlight": {
        "lamp": ("lamp_pwm_relay", "lamp_dali"),
        "meter": ("bl0942", "hlw8012"),
        "mains": ("mains_detector",),
    },
    "smart_bin": {
        "fill": ("jsn_sr04t", "vl53l1x"),
        "temperature": ("ntc",),
        "tilt": ("lis3dh",),
        "battery": ("battery_divider",),
    },
    "greenhouse": {"air": ("sht3x", "sht4x"), "co2": ("scd4x",), "light": ("bh1750",)},
    "reservoir": {
        "level": ("ads1115_loop", "radar_modbus"),
        "rain": ("tipping_bucket",),
        "battery": ("battery_divider",),
    },
    "control_cabinet": {
        "meter": ("sdm630",),
        "mains": ("mains_detector",),
        "door": ("contact",),
        "feeder_1": ("feeder_switch",),
    },
}

# The same for parts that a board may do without.
OPTIONAL: dict[str, dict[str, tuple[str, ...]]] = {
    "greenhouse": {
        "leaf": ("mlx90614",),
        "soil": ("soil_modbus",),
        "vent": ("position_sensor",),
        "vent_motor": ("vent_motor",),
        "irrigation": ("relay_output",),
        "fan": ("relay_output",),
        "lamp": ("relay_output",),
        "door": ("contact",),
    },
    "reservoir": {"level_backup": ("ads1115_loop", "radar_modbus")},
}
