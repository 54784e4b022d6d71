"""A virtual ESP32: ROM loader, flash and serial line, for programs that know no virtual board.

`python -m boards.virtual.chip --help` starts one; README.md says what is real about it.
"""
