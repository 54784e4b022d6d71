"""Sunrise and sunset at a place, exact enough for a lamp, cheap enough for a node.

Days are counted as integers since 2000-01-01 and reduced modulo a turn before
any float sees them, so that the result holds on 32-bit floats too: a Julian
date in a float32 steps by a quarter of a day.

Rise and set: the sun's upper limb on a level horizon under standard refraction,
which is its centre 0.833 deg below. Within a second of libastro where the sun
crosses the horizon at a slope; near the limits of a polar night or day, where it
glides along, its height at the moment given is right within 0.005 deg
(tests/budgets holds both, also with 32-bit floats).

Source: Meeus, Astronomical Algorithms, chapters 22, 25 and 28, refined at the
moment of the event itself; the pulls of the planets and the moon on the earth
are the largest terms of VSOP87 (Bretagnon and Francou 1988; Meeus, appendix III).
"""

import math

# 2000-01-01T00:00:00Z in unix seconds.
EPOCH_S = 946684800
DAY_S = 86400

_TURN_UDEG = 360000000
_RAD = math.pi / 180
# Seen from the surface the sun stands lower by its parallax, 8.8 arc seconds.
_HORIZON = math.sin((-0.833 + 0.00244) * _RAD)
# Between the tropics the third pass moves the event by under 0.1 s; where the sun glides along
# the horizon each pass only shrinks the error, and eight leave its height right.
_PASSES = 8
_STILL_S = 0.25
# The equations count time by the earth's orbit, clocks follow its rotation: 69 s since 2016.
_DELTA_T_S = 69.0

# Pulls on the earth's longitude of at least 9e-6 rad: size in 1e-8 rad, phase at the epoch in
# 1e-3 rad, speed in 1e-6 rad a day. Whole numbers, which cost a node neither heap nor accuracy.
_PULLS = (
    (3497, 2744, 15752),  # earth less Jupiter
    (3418, 2829, 10),  # of many centuries
    (3136, 3628, 212769),  # the moon's elongation
    (2676, 4418, 21521),  # twice Venus less earth
    (2343, 6135, 10761),  # Venus less earth
    (1324, 743, 31504),  # twice earth less Jupiter
    (1273, 2037, 1450),  # Jupiter
    (1199, 1110, 4319),
    (990, 5233, 16112),
    (902, 2045, 72),
)
_TURN_URAD = 6283185


def rise_set(day: int, latitude_udeg: int, longitude_udeg: int) -> tuple[int | None, int | None]:
    """Sunrise and sunset of one day at a place.

    Args:
        day: local calendar day, in days since 2000-01-01.
        latitude_udeg: millionths of a degree, north positive.
        longitude_udeg: millionths of a degree, east positive.

    Returns:
        (sunrise, sunset) in unix seconds UTC; an event that does not happen
        (polar day or night) is None, see is_polar_day.
    """
    return (
        _event(day, latitude_udeg, longitude_udeg, -1),
        _event(day, latitude_udeg, longitude_udeg, 1),
    )


def is_polar_day(day: int, latitude_udeg: int) -> bool:
    """Where the sun does not rise or does not set: whether it stays up."""
    latitude = latitude_udeg / 1000000 * _RAD
    declination, _ = _position(day, 43200.0, 0.0)
    # Its height at six in the morning, half way between the highest and the lowest.
    return math.sin(latitude) * math.sin(declination) > _HORIZON


def _event(day: int, latitude_udeg: int, longitude_udeg: int, side: int) -> int | None:
    latitude = latitude_udeg / 1000000 * _RAD
    # Solar noon at this longitude in seconds of the UTC day, before the equation of time.
    noon_s = 43200.0 - longitude_udeg / 1000000 * 240.0
    second = noon_s + side * 21600.0
    # The pulls change too slowly to be asked again at each pass.
    pull = _pull(day, second / 86400.0 - 0.5)
    cosine = 0.0
    for _ in range(_PASSES):
        declination, equation_s = _position(day, second, pull)
        cosine = (_HORIZON - math.sin(latitude) * math.sin(declination)) / (
            math.cos(latitude) * math.cos(declination)
        )
        # Beyond 1 it does not reach the horizon: look again where it comes nearest.
        angle = math.acos(max(-1.0, min(1.0, cosine)))
        before = second
        second = noon_s - equation_s + side * angle / _RAD * 240.0
        if -_STILL_S < second - before < _STILL_S:
            break
    if not -1.0 <= cosine <= 1.0:
        return None
    return EPOCH_S + day * DAY_S + int(math.floor(second + 0.5))


def _position(day: int, second: float, pull: float) -> tuple[float, float]:
    """The sun at `second` (may lie outside 0..86400) of `day`, `pull` radians off its
    undisturbed longitude: its declination in radians and the equation of time in seconds."""
    # Counted from 2000-01-01T12:00, the epoch of the equations.
    part = (second + _DELTA_T_S) / 86400.0 - 0.5
    century = (day + part) / 36525.0
    # Mean longitude and anomaly: the whole days exactly, in millionths of a degree.
    longitude = (280466460 + day * 98564736 // 100) % _TURN_UDEG
    anomaly = (357529110 + day * 98560028 // 100) % _TURN_UDEG
    mean_longitude = (longitude / 1000000 + part * 0.98564736) * _RAD
    mean_anomaly = (anomaly / 1000000 + part * 0.98560028) * _RAD
    centre = (
        math.sin(mean_anomaly) * (1.914602 - century * 0.004817)
        + math.sin(2 * mean_anomaly) * (0.019993 - century * 0.000101)
        + math.sin(3 * mean_anomaly) * 0.000289
    )
    node = (125.04 - 1934.136 * century) * _RAD
    apparent = mean_longitude + (centre - 0.00569 - 0.00478 * math.sin(node)) * _RAD + pull
    obliquity = (23.439291 - 0.0130042 * century + 0.00256 * math.cos(node)) * _RAD
    declination = math.asin(math.sin(obliquity) * math.sin(apparent))
    ascension = math.atan2(math.cos(obliquity) * math.sin(apparent), math.cos(apparent))
    # Mean sun less true sun (Meeus 28.1), nutation in right ascension included.
    equation = (mean_longitude - ascension) / _RAD - 0.0057183
    equation -= 0.00478 * math.sin(node) * math.cos(obliquity)
    return declination, ((equation + 180.0) % 360.0 - 180.0) * 240.0


def _pull(day: int, part: float) -> float:
    """What planets and moon add to the sun's longitude, in radians, `part` days after noon."""
    total = 0.0
    for size, phase, speed in _PULLS:
        angle = (phase * 1000 + speed * day) % _TURN_URAD + speed * part
        total += size * math.cos(angle / 1000000)
    return total / 100000000
