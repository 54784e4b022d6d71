"""Numbers and times as the chosen language writes them: dd/mm/yyyy, 24 h, decimal comma.

All moments are unix seconds. The city's civil time is Indochina time, which
has no daylight saving.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

CITY_ZONE = timezone(timedelta(hours=7), "+07")


def moment(at_s: int) -> str:
    """dd/mm/yyyy HH:MM:SS in the city's time zone."""
    return datetime.fromtimestamp(at_s, UTC).astimezone(CITY_ZONE).strftime("%d/%m/%Y %H:%M:%S")


def number(value: float, digits: int = 0, *, language: str) -> str:
    """Grouped and with the language's comma: 1.234,5 in Vietnamese, 1,234.5 in English."""
    text = f"{value:,.{digits}f}"
    if language == "vi":
        text = text.translate(str.maketrans(",.", ".,"))
    return text
