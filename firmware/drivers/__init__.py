"""The parts on the board. With net/, the only modules that touch machine."""
