"""What a lamp should do with its level: its output, and what that draws. Pure."""

# Share of the rated power that a gear takes for itself, in thousandths.
_GEAR_PERMILLE = 50


def constant_output(level_percent: int, curve: list[list[int]], burn_h: int) -> int:
    """The dimming level that gives a level's light from a light source of this age.

    Args:
        level_percent: What calendar or override ask for.
        curve: [[burn hours, percent of full output], ..] in order of hours; between its
            points a straight line, beyond its ends the end's value; empty for none.
        burn_h: Burn hours of the light source.
    """
    if level_percent == 0 or not curve:
        return level_percent
    before_h, factor = curve[0]
    for at_h, percent in curve:
        if at_h > burn_h:
            if at_h > before_h:
                factor += (percent - factor) * max(0, burn_h - before_h) // (at_h - before_h)
            break
        before_h, factor = at_h, percent
    return max(1, (level_percent * factor + 50) // 100)


def expected_power_mw(output_percent: int, rated_w: int) -> int:
    """What a healthy lamp draws at an output: a twentieth for its gear, the rest for light."""
    if output_percent == 0:
        return 0
    return rated_w * (_GEAR_PERMILLE + (1000 - _GEAR_PERMILLE) * output_percent // 100)
