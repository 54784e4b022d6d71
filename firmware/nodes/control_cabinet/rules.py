"""What a cabinet's voltages, currents and contacts mean: pure, no clock, no driver."""

# EN 50160: the supply stays within 10 %; beyond 15 % drivers suffer. A fault goes when the
# voltage is this much better than the bound that raised it.
_LOW_MV = 195000
_HIGH_MV = 255000
_BACK_MV = 5000
# Below half of the nominal voltage a phase is lost: what is left comes through the loads.
_LOST_MV = 115000
# A phase with all its feeders off draws nothing; the meter's own noise stays far below.
_FLOWS_MW = 50000


def supply_faults(voltage_mv: list[int], stands: object) -> dict[str, bool]:
    """Fault name -> present for the phases of a supply that is there.

    Args:
        voltage_mv: Phase to neutral, L1 to L3.
        stands: stands(name) tells whether a fault stands now.
    """
    lost = _LOST_MV + (_BACK_MV if stands("phase_loss") else 0)
    low = _LOW_MV + (_BACK_MV if stands("voltage_too_low") else 0)
    high = _HIGH_MV - (_BACK_MV if stands("voltage_too_high") else 0)
    alive = [voltage for voltage in voltage_mv if voltage >= lost]
    return {
        "phase_loss": len(alive) < len(voltage_mv),
        "voltage_too_low": any(voltage < low for voltage in alive),
        "voltage_too_high": any(voltage > high for voltage in alive),
    }


def switching_faults(feeders: list, phase_mw: list[int] | None) -> dict[str, bool]:
    """Fault name -> present, for contactors that have had time to move.

    A contactor that should be open is welded if current flows behind it, whatever its mirror
    contact says; if none flows it is only the contact that is wrong.

    Args:
        feeders: Drivers with is_on, is_closed() and phase.
        phase_mw: Power by phase, measured since they moved; None where nobody knows.
    """
    open_error = close_error = welded = False
    for feeder in feeders:
        if feeder.is_on:
            close_error = close_error or not feeder.is_closed()
        elif _flows(feeder, feeders, phase_mw):
            welded = True
        elif feeder.is_closed():
            open_error = True
    return {
        "switching_error_on": close_error,
        # One fault for one contactor: the weld says more.
        "switching_error_off": open_error and not welded,
        "contactor_welded": welded,
    }


def bitmap(values: list[bool]) -> int:
    """One bit each, the first lowest."""
    return sum(1 << index for index, value in enumerate(values) if value)


def _flows(feeder: object, feeders: list, phase_mw: list[int] | None) -> bool:
    """Whether power flows on a phase of this feeder on which no feeder is on."""
    if phase_mw is None:
        return False
    for phase in phases_of(feeder):
        others_on = [other for other in feeders if other.is_on and phase in phases_of(other)]
        if not others_on and phase_mw[phase] > _FLOWS_MW:
            return True
    return False


def phases_of(feeder: object) -> tuple[int, ...]:
    """Indices of the phases that a feeder hangs on."""
    return (feeder.phase - 1,) if feeder.phase else (0, 1, 2)
