"""The virtual bench: real MicroPython processes on simulated boards (see README.md).

Owns the host half: processes, power, clock, series, logs and the control line. Leaves what hangs
on the pins of a board to device/, which runs inside each node's own process.
"""
