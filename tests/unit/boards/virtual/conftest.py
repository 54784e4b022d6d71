"""The laboratory of the firmware's tests, for nodes that run on a bench."""

from tests.unit.firmware.conftest import authority, lab

__all__ = ["authority", "lab"]
