"""The lock files are complete, hashed and tied to no package host."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tools.setup.lockfile import read_lock, write_requirements


def test_every_requirement_is_pinned_and_hashed(repository: Path) -> None:
    requirements = read_lock(repository / "requirements.lock")
    assert len(requirements) > 30
    for requirement in requirements:
        assert re.fullmatch(r"\d[\w.!+]*", requirement.version), requirement.name
        assert requirement.hashes, requirement.name
        assert all(re.fullmatch("sha256:[0-9a-f]{64}", each) for each in requirement.hashes)


def test_every_direct_dependency_is_in_the_lock(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    grouped = [name for group in groups.values() for name in group]
    wanted = [*project["project"]["dependencies"], *grouped]
    names = {re.split(r"[\[><=]", each)[0] for each in wanted}
    assert names <= {each.name for each in read_lock(repository / "requirements.lock")}


def test_no_lock_names_a_host(repository: Path) -> None:
    assert "://" not in (repository / "requirements.lock").read_text()
    packages = json.loads((repository / "package-lock.json").read_text())["packages"]
    assert len(packages) > 10
    for name, package in packages.items():
        assert "resolved" not in package, name
        assert not name or package["integrity"].startswith("sha512-"), name


def test_a_lock_survives_being_split_and_written(repository: Path, tmp_path: Path) -> None:
    requirements = read_lock(repository / "requirements.lock")
    write_requirements(requirements, tmp_path / "again.txt")
    assert read_lock(tmp_path / "again.txt") == requirements


def test_markers_and_extras_are_understood(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(
        "# made by hand\n"
        "one[extra]==1.0 ; sys_platform == 'win32' \\\n    --hash=sha256:aa \\\n"
        "    --hash=sha256:bb\n    # via two\ntwo==2.0\n"
    )
    one, two = read_lock(path)
    assert (one.name, one.version, one.hashes) == ("one", "1.0", ("sha256:aa", "sha256:bb"))
    assert (two.name, two.version, two.hashes) == ("two", "2.0", ())


def test_an_unpinned_requirement_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("one>=1.0\n")
    with pytest.raises(ValueError, match=re.escape("not pinned: one>=1.0")):
        read_lock(tmp_path / "lock")
