"""The record ring on the real MicroPython: its parts, and a power cut at every write."""

from pathlib import Path

import pytest

from tests.unit.firmware.runner import RUNTIMES, run_device

both = pytest.mark.parametrize("runtime", RUNTIMES)
# The simulated flashes lie in the heap, several at a time.
HEAP = "8m"
ERASES_PER_RECORD = 0.05
MOUNT_US = 500_000


@both
def test_order_depth_wear_and_damage(runtime: str, tmp_path: Path) -> None:
    results = run_device("ring_parts", runtime, tmp_path, heap=HEAP)
    results.check()
    wear = results.values["two_months_wear_the_flash_little_and_evenly"]
    assert 0 < wear["erases_per_record"] <= ERASES_PER_RECORD
    mounted = results.values["a_full_ring_is_found_quickly_and_with_little_memory"]
    assert mounted["first_record_us"] <= MOUNT_US


@both
def test_a_power_cut_in_any_write_loses_nothing(runtime: str, tmp_path: Path) -> None:
    results = run_device("ring_cuts", runtime, tmp_path, "6", "240", heap=HEAP, timeout_s=110)
    results.check()
    life = results.values["a_cut_in_any_write_loses_nothing_and_repeats_little"]
    # The life was one worth cutting: both rings ran full circle, and some was given up.
    assert life["cuts"] > 300
    assert life["second_cuts"] > 500
    assert life["erases"] > 20
    assert life["dropped"][1] > 10
    assert min(life["acknowledged"]) > 10
