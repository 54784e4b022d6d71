"""What each kind of node reports: names, units, scales and ranges.

A field is (name, unit, scale, low, high): on the wire stands the integer
round(value * scale), and low..high bounds that integer. The order of the
fields is the order on the wire; a change of it is a new contract version.

Source: unit symbols as registered for SenML (RFC 8428, RFC 8798); lamp faults
named after TALQ 2.7.1 LampMonitor.
"""

from protocols.errors import MALFORMED, OUT_OF_RANGE, UNKNOWN_KIND, ProtocolError
from protocols.limits import DESIRED_VERSION_MAX, FEEDERS

STREETLIGHT = 1
SMART_BIN = 2
GREENHOUSE = 3
RESERVOIR = 4
CONTROL_CABINET = 5

KIND_NAMES = {
    STREETLIGHT: "streetlight",
    SMART_BIN: "smart_bin",
    GREENHOUSE: "greenhouse",
    RESERVOIR: "reservoir",
    CONTROL_CABINET: "control_cabinet",
}
KIND_CODES = {name: code for code, name in KIND_NAMES.items()}

FAULTS = {
    STREETLIGHT: (
        "lamp_failure",
        "unexpected_on",
        "cycling",
        "dimming_failure",
        "relay_failure",
        "contactor_error",
        "supply_loss",
        "control_gear_communication_failure",
        "leakage",
        "power_factor_too_low",
        "power_too_high",
        "power_too_low",
        "voltage_too_high",
        "voltage_too_low",
        "current_too_high",
        "current_too_low",
        "high_temperature",
        "tilt",
        "communication_failure",
        "meter_failure",
        "control_gear_failure",
    ),
    SMART_BIN: (
        "fire",
        "tilt",
        "fill_sensor_failure",
        "low_battery",
        "fill_sensor_blocked",
        "temperature_sensor_failure",
        "tilt_sensor_failure",
    ),
    GREENHOUSE: (
        "air_sensor_failure",
        "co2_sensor_failure",
        "light_sensor_failure",
        "leaf_sensor_failure",
        "soil_sensor_failure",
        "vent_failure",
    ),
    RESERVOIR: (
        "level_sensor_failure",
        "level_out_of_range",
        "rain_sensor_failure",
        "low_battery",
        "backup_sensor_failure",
        "level_disagreement",
    ),
    CONTROL_CABINET: (
        "door_open",
        "breaker_tripped",
        # Told to close and does not; told to open and does not.
        "switching_error_on",
        "switching_error_off",
        "contactor_welded",
        "local_override",
        "voltage_too_low",
        "voltage_too_high",
        "phase_loss",
        "supply_loss",
        "meter_failure",
    ),
}


FEEDERS_ALL = (1 << FEEDERS) - 1

# What a greenhouse switches, in the order of the bits of its field `outputs`.
OUTPUTS = ("vent", "irrigation", "fan", "lamp")


def _common(kind: int) -> tuple[tuple[str, str, int, int, int], ...]:
    return (
        ("rssi_dbm", "dBm", 1, -150, 0),
        ("faults", "", 1, 0, (1 << len(FAULTS[kind])) - 1),
        ("desired_version", "", 1, 0, DESIRED_VERSION_MAX),
    )


FIELDS: dict[int, tuple[tuple[str, str, int, int, int], ...]] = {
    STREETLIGHT: (
        ("level_percent", "%", 1, 0, 100),
        ("mains_voltage_v", "V", 10, 0, 5000),
        ("lamp_current_a", "A", 1000, 0, 20000),
        ("lamp_power_w", "W", 10, 0, 40000),
        ("power_factor", "/", 100, 0, 100),
        ("mains_frequency_hz", "Hz", 10, 0, 700),
        # 10 Wh steps keep a lamp's first 655 kWh in three bytes.
        ("energy_kwh", "kWh", 100, 0, 100000000),
        ("burn_hours_h", "h", 1, 0, 500000),
        ("driver_temperature_c", "Cel", 1, -60, 150),
        ("illuminance_lx", "lx", 1, 0, 200000),
        ("tilt_deg", "deg", 1, 0, 180),
    )
    + _common(STREETLIGHT),
    SMART_BIN: (
        ("fill_percent", "%", 1, 0, 100),
        ("distance_m", "m", 1000, 0, 8000),
        ("temperature_c", "Cel", 10, -600, 3000),
        ("tilt_deg", "deg", 1, 0, 180),
        ("battery_v", "V", 1000, 0, 60000),
        ("pickups", "", 1, 0, 1000000),
    )
    + _common(SMART_BIN),
    GREENHOUSE: (
        ("air_temperature_c", "Cel", 10, -600, 1000),
        ("relative_humidity_percent", "%RH", 10, 0, 1000),
        ("vapour_pressure_deficit_kpa", "kPa", 100, 0, 2000),
        ("co2_ppm", "ppm", 1, 0, 40000),
        ("illuminance_lx", "lx", 1, 0, 200000),
        ("leaf_temperature_c", "Cel", 10, -600, 1000),
        ("vent_percent", "%", 1, 0, 100),
        ("soil_moisture_percent", "%", 10, 0, 1000),
        ("soil_temperature_c", "Cel", 10, -600, 1000),
        # Growers' own unit; SenML would have S/m.
        ("soil_conductivity_ms_per_cm", "mS/cm", 1000, 0, 20000),
        # Which outputs are on, a bit each in the order of OUTPUTS.
        ("outputs", "", 1, 0, 15),
        ("irrigation_today_s", "s", 1, 0, 86400),
    )
    + _common(GREENHOUSE),
    RESERVOIR: (
        ("level_m", "m", 1000, -100000, 9000000),
        ("rate_of_rise_m_per_h", "m/h", 1000, -100000, 100000),
        ("rain_mm", "mm", 10, 0, 10000000),
        ("loop_current_ma", "mA", 1000, 0, 25000),
        # Bao dong 1, 2, 3; 0 below the first.
        ("flood_alarm_level", "", 1, 0, 3),
        ("battery_v", "V", 1000, 0, 60000),
    )
    + _common(RESERVOIR),
    CONTROL_CABINET: (
        ("voltage_l1_v", "V", 10, 0, 5000),
        ("voltage_l2_v", "V", 10, 0, 5000),
        ("voltage_l3_v", "V", 10, 0, 5000),
        ("current_l1_a", "A", 100, 0, 100000),
        ("current_l2_a", "A", 100, 0, 100000),
        ("current_l3_a", "A", 100, 0, 100000),
        ("power_w", "W", 1, 0, 1000000),
        ("energy_kwh", "kWh", 10, 0, 1000000000),
        # One bit a feeder, the first feeder lowest: wanted, told by the contactor, tripped.
        ("feeders_on", "", 1, 0, FEEDERS_ALL),
        ("contactors_closed", "", 1, 0, FEEDERS_ALL),
        ("breakers_tripped", "", 1, 0, FEEDERS_ALL),
        ("door_open", "", 1, 0, 1),
    )
    + _common(CONTROL_CABINET),
}


def fields_of(kind: int) -> tuple[tuple[str, str, int, int, int], ...]:
    """The field table of a kind.

    Raises:
        ProtocolError: unknown_kind.
    """
    try:
        return FIELDS[kind]
    except (KeyError, TypeError):
        raise ProtocolError(UNKNOWN_KIND, "no such kind of node") from None


def check_values(kind: int, values: list[int | None]) -> None:
    """Refuses values that do not fit the kind's table; None means "no reading".

    Raises:
        ProtocolError: unknown_kind, malformed (count or type) or out_of_range.
    """
    fields = fields_of(kind)
    if len(values) != len(fields):
        raise ProtocolError(MALFORMED, "wrong number of values")
    for field, value in zip(fields, values):
        if value is None:
            continue
        # Not isinstance: True is an int too, and what was decoded may be anything.
        if type(value) is not int:
            raise ProtocolError(MALFORMED, field[0] + " is not an integer")
        if value < field[3] or value > field[4]:
            raise ProtocolError(OUT_OF_RANGE, field[0])


def named(kind: int, values: list[int | None]) -> dict[str, int | float | None]:
    """Scaled integers -> {name: value in the field's unit}; None stays None."""
    result: dict[str, int | float | None] = {}
    for field, value in zip(fields_of(kind), values):
        if value is None or field[2] == 1:
            result[field[0]] = value
        else:
            result[field[0]] = value / field[2]
    return result


def scaled(kind: int, readings: dict[str, int | float | None]) -> list[int | None]:
    """{name: value in its unit} -> the kind's row of scaled integers.

    Missing names become None; a reading beyond its range is cut to it, so
    that one odd sensor never costs the whole report.

    Raises:
        ProtocolError: unknown_kind, or malformed for a name outside the table.
    """
    fields = fields_of(kind)
    row: list[int | None] = []
    used = 0
    for field in fields:
        value = readings.get(field[0])
        if field[0] in readings:
            used += 1
        if value is not None:
            number = int(round(value * field[2]))
            row.append(max(field[3], min(field[4], number)))
        else:
            row.append(None)
    if used != len(readings):
        names = [field[0] for field in fields]
        extra = [name for name in readings if name not in names]
        raise ProtocolError(MALFORMED, "unknown reading " + extra[0])
    return row


def fault_names(kind: int, bitmap: int | None) -> list[str]:
    """The names of the set bits, lowest first."""
    if not bitmap:
        return []
    names = FAULTS[kind]
    return [names[bit] for bit in range(len(names)) if bitmap >> bit & 1]
