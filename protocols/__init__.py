"""The contract between nodes and server: topics, messages, calendars, sun and limits.

Pure Python that runs unchanged on CPython and MicroPython, with no imports
outside this package. Everything here is sans-IO and never reads a clock.
"""
