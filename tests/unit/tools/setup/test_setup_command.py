"""The set-up command as a person meets it: quiet when done, one line when something is wrong.

Runs `python3 -m tools.setup` in a copy of this checkout whose environment counts as ready, so
that what is missing or broken can be chosen.
"""

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tools.setup.environment import STAMP, environment_stamp
from tools.setup.node import find_npm
from tools.setup.places import turn
from tools.setup.progress import Progress
from tools.setup.stamps import write_stamp

NOWHERE = "http://127.0.0.1:9/debian"  # the discard port: nothing listens there
NO_PACKAGES = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_RETRIES": "0",
    "PIP_CONFIG_FILE": os.devnull,
}
TOOLS = ("apt-get", "dpkg", "dpkg-deb", "tar", "xz", "sh", "env", "node", "npm", "cat", "rm")


@dataclass
class Machine:
    """A copy of the checkout, a home, and what is on PATH."""

    root: Path
    home: Path
    bin: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])

    def set_up(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs set-up and returns what it said."""
        return subprocess.run(
            [sys.executable, "-m", "tools.setup", *words],
            cwd=self.root,
            env={"HOME": str(self.home), "PATH": str(self.bin), **self.variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def provide(self, *names: str) -> None:
        """Puts this machine's own programs on the PATH of the copy."""
        for name in names:
            found = shutil.which(name)
            if found is not None:
                (self.bin / name).symlink_to(found)

    def write_program(self, name: str, text: str) -> None:
        """Puts a program on PATH."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, repository: Path) -> Machine:
    """A machine with Python packages and browser assets in place and nothing else."""
    root = tmp_path / "checkout"
    shutil.copytree(repository / "tools" / "setup", root / "tools" / "setup")
    (root / "tools" / "__init__.py").touch()
    for name in ("pyproject.toml", "requirements.lock", "package.json", "package-lock.json"):
        shutil.copy(repository / name, root)
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(sys.executable)
    write_stamp(root / ".venv" / STAMP, environment_stamp(root))
    shutil.copytree(repository / "node_modules" / "uplot", root / "node_modules" / "uplot")
    shutil.copy(repository / "node_modules" / ".cityfleet.json", root / "node_modules")
    shutil.copy(repository / ".venv" / "bin" / "node", root / ".venv" / "bin")
    made = Machine(root, tmp_path / "home", tmp_path / "bin")
    made.home.mkdir()
    made.bin.mkdir()
    return made


def assert_one_line(done: subprocess.CompletedProcess[str], *expected: str) -> None:
    """Requires exit status 2 and, after the steps, one line that holds what is expected."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    last = done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    for text in expected:
        assert text in last


def test_a_second_run_says_and_changes_nothing(repository: Path) -> None:
    watched = [
        repository / ".venv" / name
        for name in (STAMP, "cityfleet-runtimes.json", "bin/micropython", "bin/mosquitto")
    ]
    before = [path.stat().st_mtime_ns for path in watched]
    done = subprocess.run(
        [sys.executable, "-m", "tools.setup"], cwd=repository, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.stat().st_mtime_ns for path in watched] == before


def test_a_system_without_apt_is_told_what_to_install(machine: Machine) -> None:
    done = machine.set_up()
    assert_one_line(done, "install micropython mosquitto")
    assert len(done.stderr.splitlines()) == 1


def test_programs_on_path_that_are_good_enough_are_used(machine: Machine, programs: Path) -> None:
    for name in ("micropython", "mosquitto"):
        machine.write_program(name, f'#!/bin/sh\nexec {programs / name} "$@"\n')
    machine.provide("sh")
    done = machine.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    wrapper = (machine.root / ".venv" / "bin" / "micropython").read_text()
    assert f"exec {machine.bin / 'micropython'} " in wrapper
    assert not (machine.home / ".cache" / "cityfleet" / "runtimes").exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("micropython", "#!/bin/sh\nexit 1\n"),
        ("micropython", "#!/bin/sh\nexec {programs}/micropython -X nosuch\n"),
        ("mosquitto", "#!/bin/sh\necho mosquitto version 1.6.9\n"),
        ("mosquitto", '#!/bin/sh\n{programs}/mosquitto "$@"\necho TLS support not available\n'),
    ],
)
def test_programs_on_path_that_are_not_good_enough_are_not(
    machine: Machine, programs: Path, name: str, text: str
) -> None:
    other = {"micropython": "mosquitto", "mosquitto": "micropython"}[name]
    machine.write_program(other, f'#!/bin/sh\nexec {programs / other} "$@"\n')
    machine.write_program(name, text.replace("{programs}", str(programs)))
    machine.provide("sh")
    done = machine.set_up()
    assert_one_line(done, f"install {name} ")
    assert other not in done.stderr.partition("install ")[2].partition("(")[0]


def test_a_mirror_out_of_reach_is_one_line(machine: Machine) -> None:
    machine.provide(*TOOLS)
    machine.variables["CITYFLEET_DEBIAN_MIRROR"] = NOWHERE
    done = machine.set_up()
    assert_one_line(done, NOWHERE, "check the network", "CITYFLEET_DEBIAN_MIRROR", "run again")
    assert len(done.stderr.splitlines()) == 2
    assert list((machine.home / ".cache" / "cityfleet" / "runtimes").iterdir()) == []


def test_what_is_there_works_without_a_network(machine: Machine) -> None:
    machine.provide(*TOOLS)
    machine.variables["CITYFLEET_DEBIAN_MIRROR"] = NOWHERE
    home = os.environ.get("HOME") or os.path.expanduser("~")
    machine.variables["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", f"{home}/.cache")
    done = machine.set_up()
    assert (done.returncode, done.stderr) == (0, "")
    micropython = machine.root / ".venv" / "bin" / "micropython"
    assert subprocess.check_output([micropython, "-c", "print(6 * 7)"], text=True) == "42\n"


def test_packages_out_of_reach_are_one_line(machine: Machine) -> None:
    shutil.rmtree(machine.root / ".venv")
    machine.provide(*TOOLS)  # where Python has no ensurepip, pip comes from a Debian package
    machine.variables |= NO_PACKAGES
    assert_one_line(machine.set_up(), "cannot install the Python packages", "check the network")


def test_assets_out_of_reach_are_one_line(
    machine: Machine, programs: Path, repository: Path
) -> None:
    for name in ("micropython", "mosquitto"):
        machine.write_program(name, f'#!/bin/sh\nexec {programs / name} "$@"\n')
    machine.write_program("node", f'#!/bin/sh\nexec {programs / "node"} "$@"\n')
    npm = shlex.join(find_npm(repository, Progress()))
    machine.write_program("npm", f'#!/bin/sh\nexec {npm} "$@"\n')
    machine.provide("sh", "env")
    (machine.root / "node_modules" / ".cityfleet.json").unlink()
    machine.variables |= {
        "npm_config_registry": "http://127.0.0.1:9/",
        "npm_config_fetch_retries": "0",
    }
    assert_one_line(machine.set_up(), "cannot install the browser assets", "check the network")
    assert not (machine.root / "node_modules" / ".cityfleet.json").exists()


def test_two_set_ups_take_turns(machine: Machine) -> None:
    process = None
    try:
        with turn(machine.root, Progress()):
            process = subprocess.Popen(
                [sys.executable, "-m", "tools.setup"],
                cwd=machine.root,
                env={"HOME": str(machine.home), "PATH": str(machine.bin)},
                stderr=subprocess.PIPE,
                text=True,
            )
            assert process.stderr is not None
            assert "waiting for another set-up" in process.stderr.readline()
            assert process.poll() is None
        said = process.stderr.read()
        assert process.wait(timeout=60) == 2
        assert "install micropython mosquitto" in said
    finally:
        if process is not None:
            process.kill()
            process.communicate()


def test_a_node_that_has_gone_is_replaced(machine: Machine, programs: Path) -> None:
    for name in ("micropython", "mosquitto"):
        machine.write_program(name, f'#!/bin/sh\nexec {programs / name} "$@"\n')
    machine.provide("sh")
    gone = machine.root / "gone" / "node"
    (machine.root / ".venv" / "bin" / "node").write_text(f'#!/bin/sh\nexec {gone} "$@"\n')
    machine.variables |= NO_PACKAGES
    done = machine.set_up()
    assert done.returncode == 2
    assert "set-up: installing Node\n" in done.stderr
