"""The fleet bench for tests of the server's policies."""

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.fleet_bench import Bench, fleet_bench, make_template


@pytest.fixture(scope="session")
def bench_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty data folder, made once."""
    return make_template(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def bench(bench_template: Path, tmp_path: Path) -> Generator[Bench]:
    """Two cabinets with two feeders of four lamps each, all connected."""
    settings = {"allow_unverified_releases": True, "outage_confirm_s": 5, "restore_hold_s": 3}
    with fleet_bench(tmp_path / "data", bench_template, **settings) as made:
        made.add_supply({"pk": ["hv", "thd"], "dl": ["nt", "pdl"]}, 4)
        made.connect_all()
        made.look()
        yield made
