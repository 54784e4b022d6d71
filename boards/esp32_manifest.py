# pyright: reportUndefinedVariable=false
# ruff: noqa: F821
"""What MicroPython carries inside itself, common to the ESP32 boards.

Named by the folder that `python -m boards.build BOARD --micropython FOLDER` writes.

The bootstrap is frozen, so that a file system that was lost still finds the slots once they are
written anew; the application itself is never frozen: it comes into the slots by signed releases.
"""

# asyncio and what else the port brings along.
include("$(PORT_DIR)/boards/manifest.py")
module("main.py", base_path="../firmware/boot")
