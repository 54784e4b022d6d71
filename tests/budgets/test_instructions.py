"""What a report and a sunrise cost a node, in instructions that repeat."""

from pathlib import Path

import pytest

from protocols.fields import FIELDS
from tests.budgets.instructions import compiled, count, per_round
from tests.budgets.limits import (
    RENEWAL_STEP_INSTRUCTIONS,
    REPORT_INSTRUCTIONS,
    SUNRISE_INSTRUCTIONS,
)
from tests.budgets.samples import ROWS


@pytest.fixture(scope="module")
def modules(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The contract as .mpy."""
    return compiled(repository, tmp_path_factory.mktemp("modules"))


def test_the_samples_have_every_field_of_their_kind() -> None:
    assert {kind: len(row) for kind, row in ROWS.items()} == {
        kind: len(fields) for kind, fields in FIELDS.items()
    }


def test_a_report_is_encoded_within_its_budget(modules: Path) -> None:
    few, many = per_round("report", 10, modules), per_round("report", 20, modules)
    assert many <= REPORT_INSTRUCTIONS
    # Start-up and imports, forty million, have cancelled out.
    assert abs(few - many) < 0.05 * many


@pytest.mark.parametrize("work", ["sunrise", "gliding sun"])
def test_a_day_of_the_sun_is_computed_within_its_budget(work: str, modules: Path) -> None:
    assert per_round(work, 1, modules) <= SUNRISE_INSTRUCTIONS


def test_a_step_of_a_renewal_is_short(modules: Path) -> None:
    per_step = per_round("renewal steps", 1, modules) / 8
    assert 50_000 < per_step <= RENEWAL_STEP_INSTRUCTIONS


def test_the_count_repeats_and_sees_more_work(modules: Path) -> None:
    once = count("report", 10, modules)
    # The collector takes whatever on the stack looks like an address for one, so that a few
    # tens of instructions of fifty million hang on where the system put the stack.
    assert abs(count("report", 10, modules) - once) < 1000
    assert 10_000 < count("report", 11, modules) - once < 2 * REPORT_INSTRUCTIONS
