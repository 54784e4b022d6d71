"""Tests of the firmware: on the real MicroPython, in processes of their own."""
