"""Headless Chromium as the tests and the picture script use it.

The program is the one that `make test` found or installed. Its background services are off:
they would call outside, and no request of a page under test may leave this machine.
"""

import sys
from pathlib import Path

from playwright.sync_api import Browser, Playwright

PROGRAM = Path(sys.prefix) / "bin" / "chromium-for-tests"
# Software WebGL draws the map; without a sandbox, since CI runs as root in a container.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


def launch(playwright: Playwright) -> Browser:
    """A new browser; the caller closes it."""
    return playwright.chromium.launch(executable_path=PROGRAM, args=ARGUMENTS)
