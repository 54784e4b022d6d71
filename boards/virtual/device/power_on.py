"""SIMULATOR of what a chip does before MicroPython's main.py: it maps its flash.

micropython -m power_on          in a node's folder
"""

import mapped_flash

if __name__ == "__main__":
    mapped_flash.install()
    del mapped_flash
    execfile("main.py")  # noqa: F821
