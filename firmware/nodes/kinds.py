"""Which class is which kind; only the module of the own kind is shipped and imported."""


def make_node(
    kind: str, board: object, config: dict, clock: object, emit: object, is_safe: bool = False
) -> object:
    """The node program of a kind, with its drivers, not yet running.

    A safe one is given none of the parts that its class names in OPTIONAL_PARTS: what crashes
    the node may be one of them.
    """
    if kind == "streetlight":
        from firmware.nodes.streetlight.program import Streetlight as Program
    elif kind == "smart_bin":
        from firmware.nodes.smart_bin import SmartBin as Program
    elif kind == "greenhouse":
        from firmware.nodes.greenhouse.program import Greenhouse as Program
    elif kind == "control_cabinet":
        from firmware.nodes.control_cabinet.program import ControlCabinet as Program
    else:
        from firmware.nodes.reservoir.program import Reservoir as Program
    if is_safe:
        board.leave_out(getattr(Program, "OPTIONAL_PARTS", ()))
    return Program(board, config, clock, emit)
