"""Numbers and times as people of the two languages write them."""

import pytest

from fleet_server.ui import formats


@pytest.mark.parametrize(
    ("value", "digits", "vietnamese", "english"),
    [
        (0, 0, "0", "0"),
        (1234.5, 1, "1.234,5", "1,234.5"),
        (-1234567, 0, "-1.234.567", "-1,234,567"),
        (0.126, 2, "0,13", "0.13"),
    ],
)
def test_numbers_have_the_languages_comma(
    value: float, digits: int, vietnamese: str, english: str
) -> None:
    assert formats.number(value, digits, language="vi") == vietnamese
    assert formats.number(value, digits, language="en") == english


def test_moments_are_city_time_on_the_24_hour_clock() -> None:
    assert formats.moment(1795255925) == "21/11/2026 17:12:05"
    # Seventeen hours of UTC are midnight here: the day and the year change with the city.
    assert formats.moment(1798736399) == "31/12/2026 23:59:59"
    assert formats.moment(1798736400) == "01/01/2027 00:00:00"
