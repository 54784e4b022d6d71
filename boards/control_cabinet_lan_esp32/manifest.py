# pyright: reportUndefinedVariable=false
# ruff: noqa: F821
"""What MicroPython for this board carries inside itself: nothing beside the common part."""

include("../esp32_manifest.py")
