"""What other commands can ask of a running demo: power, faults, and its own parts."""

import shutil
import time
from typing import Any

from tools.demo.control import Answer, ask
from tools.demo.district import load_district
from tools.demo.folder import DemoFolder
from tools.demo.running import DemoLock, find_running, require_running
from tools.errors import DemoError, FileError, NotFoundError
from tools.text import plain

STOP_WAIT_S = 30.0
_LOOK_S = 0.1


def bench(folder: DemoFolder, **order: Any) -> Answer:
    """Gives the virtual bench an order and returns its answer.

    Raises:
        DemoError: no demo runs, or the bench refuses.
    """
    running = require_running(folder)
    return ask(running.ports.control, folder.control_secret, order)


def demo(folder: DemoFolder, **order: Any) -> Answer:
    """Gives the demo itself an order and returns its answer. Raises as `bench`."""
    running = require_running(folder)
    return ask(running.demo_control, folder.control_secret, order, STOP_WAIT_S)


def feeder_id(name: str) -> str:
    """The id of a feeder that is named by id or name, accents optional.

    Raises:
        NotFoundError: the district has none of that name.
    """
    feeders = load_district().feeders
    return _named(name, [(feeder.id, feeder.name) for feeder in feeders], "feeder")


def cabinet_id(name: str) -> str:
    """The id of a control cabinet. As `feeder_id`."""
    cabinets = load_district().cabinets
    return _named(name, [(str(item["id"]), str(item["name"])) for item in cabinets], "cabinet")


def node_id(name: str) -> str:
    """The id of a node. As `feeder_id`."""
    nodes = load_district().nodes
    return _named(name, [(node.id, node.name) for node in nodes], "node")


def stop(folder: DemoFolder) -> None:
    """Ends the running demo and waits until it has ended.

    Raises:
        DemoError: none runs, or it does not end.
    """
    demo(folder, do="stop")
    end_s = time.monotonic() + STOP_WAIT_S
    while find_running(folder) is not None:
        if time.monotonic() > end_s:
            raise DemoError(f"the demo has not ended after {STOP_WAIT_S:.0f} s")
        time.sleep(_LOOK_S)


def reset(folder: DemoFolder) -> bool:
    """Deletes all data of the demo; whether there were any.

    Raises:
        DemoError: it runs.
        FileError: the folder is not a demo's.
    """
    root = folder.root
    if root.is_symlink():
        raise FileError(f"{root} is a link, so it is not deleted; delete what it points at by hand")
    if not root.exists():
        return False
    # CITYFLEET_DEMO_DIR may name any folder: only one that the demo made is deleted.
    if not folder.run.is_dir() and any(root.iterdir()):
        raise FileError(f"{root} was not made by the demo, so it is not deleted")
    with DemoLock(folder):
        shutil.rmtree(root)
    return True


def _named(name: str, known: list[tuple[str, str]], what: str) -> str:
    for identity, title in known:
        if identity == name or plain(title) == plain(name):
            return identity
    near = [identity for identity, title in known if plain(name) in plain(title)]
    if len(near) == 1:
        return near[0]
    names = ", ".join(f"{title} ({identity})" for identity, title in known[:8])
    raise NotFoundError(f"there is no {what} {name}; there are: {names}")
