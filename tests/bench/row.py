"""One line of the table of measurements, and percentiles."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, its figure with unit, and what we aim at."""

    what: str
    measured: str
    aim: str = ""


def p95(samples: list[float]) -> float:
    """The 95th percentile, nearest rank."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


def spread(samples: list[float]) -> str:
    """Milliseconds: middle and 95th percentile of some durations in seconds."""
    ordered = sorted(samples)
    middle = ordered[len(ordered) // 2]
    return f"p95 {p95(samples) * 1000:.0f} ms, median {middle * 1000:.0f} ms, n = {len(samples)}"
