"""What only the tests need: the 32-bit MicroPython, a Valgrind that counts its instructions,
and a Chromium with Vietnamese letters.

A need that cannot be met is one line and a failure, since a test that is skipped proves
nothing.
"""

import os
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

from tools.setup.bundle import Bundle, prepare_bundle
from tools.setup.commands import run
from tools.setup.debian import find_archive
from tools.setup.errors import MissingError, SetupError
from tools.setup.mirror import MIRROR_VARIABLE
from tools.setup.places import cache_folder, find_program, turn
from tools.setup.progress import Progress
from tools.setup.runtimes import argv, recorded, wrapped_program, write_wrapper

CHROMIUM = "chromium-for-tests"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
DEBIAN_PACKAGES = ("chromium", "fonts-dejavu-core")
PLAYWRIGHT_PATH = """
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
"""
PROBE_TIMEOUT_S = 30

VALGRIND = "valgrind-for-tests"
# Debian 12's own stumbles over the i386 programs of Debian 13.
VALGRIND_PACKAGES = ("valgrind", "libc6")
# Of its eleven tools we run one.
VALGRIND_LEFT_OUT = (
    "usr/include",
    "usr/share/doc",
    "usr/lib/*/valgrind",
    *(
        f"usr/libexec/valgrind/{tool}-*"
        for tool in (
            *("cachegrind", "dhat", "drd", "exp-bbv", "getoff", "helgrind", "lackey"),
            *("massif", "memcheck", "none", "vgpreload_dhat", "vgpreload_drd"),
            *("vgpreload_helgrind", "vgpreload_massif", "vgpreload_memcheck"),
        )
    ),
)
COUNT = ("--tool=callgrind", "--callgrind-out-file=/dev/null")


def prepare_tests(root: Path, progress: Progress) -> None:
    """Makes ready what `make test` needs on top of what the product needs.

    Raises:
        MissingError: Something cannot be had here; says what to install.
    """
    venv = root / ".venv"
    try:
        argv("micropython-i386", venv)
    except MissingError as error:
        raise MissingError(
            "the tests need a 32-bit MicroPython, which is taken from Debian packages on "
            f"x86-64 Linux with apt-get: name a mirror in {MIRROR_VARIABLE}"
        ) from error
    prepare_valgrind(venv, progress)
    prepare_chromium(venv, progress)


def prepare_valgrind(venv: Path, progress: Progress) -> None:
    """Puts a Valgrind that reads the 32-bit MicroPython behind .venv/bin/valgrind-for-tests.

    Order: the machine's own where that works, else Debian 13's in the cache folder.

    Raises:
        MissingError: Neither is to be had.
        SetupError: The packages cannot be downloaded.
    """
    # Each is tried once, when it is new here: counting takes a second.
    is_new = not (venv / "bin" / VALGRIND).exists()
    own = find_program("valgrind", venv)
    if own is not None:
        if is_new and _counts([str(own)], venv):
            write_wrapper(venv, VALGRIND, [str(own)])
        if wrapped_program(venv, VALGRIND) == own:
            return
    archive = find_archive(os.environ)
    if archive is None:
        raise MissingError(
            "the budgets of the firmware are counted by Valgrind (3.20 or later, with its 32-bit "
            "half): install it (sudo apt install valgrind)"
        )
    cache = cache_folder(os.environ)
    bundle = Bundle(
        "Valgrind", archive.native, VALGRIND_PACKAGES, "usr/bin/valgrind.bin", VALGRIND_LEFT_OUT
    )
    with turn(cache, progress):
        prepare_bundle(bundle, cache, archive, progress)
    tools = bundle.folder(cache) / "root" / "usr" / "libexec" / "valgrind"
    command = ["env", f"VALGRIND_LIB={tools}", *bundle.argv(cache)]
    if is_new and not _counts(command, venv):
        raise MissingError(f"Valgrind was unpacked to {bundle.folder(cache)} but does not run")
    write_wrapper(venv, VALGRIND, command)


def _counts(valgrind: list[str], venv: Path) -> bool:
    """Whether a Valgrind counts the instructions of the 32-bit MicroPython."""
    command = [*valgrind, *COUNT, *recorded("micropython-i386", venv), "-c", "pass"]
    return "Collected :" in _output(command)


def prepare_chromium(venv: Path, progress: Progress) -> None:
    """Puts a Chromium behind .venv/bin/chromium-for-tests.

    Order: one on PATH, one that Playwright installed, the system's package when we are root on
    a Debian system, Playwright's own download.

    Raises:
        MissingError: None of these worked.
    """
    if _works(venv):
        return
    attempts: list[Callable[[], Path | None]] = [
        lambda: _on_machine(venv),
        lambda: _from_playwright(venv),
        lambda: _from_apt(venv, progress),
        lambda: _download(venv, progress),
    ]
    for attempt in attempts:
        found = attempt()
        if found is not None:
            write_wrapper(venv, CHROMIUM, [str(found)])
            if _works(venv):
                return
    raise MissingError(
        "the browser tests need Chromium: install it (sudo apt install chromium fonts-dejavu), "
        "or let `.venv/bin/playwright install chromium` download it"
    )


def _works(venv: Path) -> bool:
    """Whether the wrapper is there and its Chromium starts."""
    wrapper = venv / "bin" / CHROMIUM
    return wrapper.exists() and "Chrom" in _output([str(wrapper), "--version"])


def _output(command: list[str]) -> str:
    """What a program that ends well prints, else nothing."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PROBE_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace") if done.returncode == 0 else ""


def _on_machine(venv: Path) -> Path | None:
    for name in CHROMIUM_NAMES:
        found = find_program(name, venv)
        if found is not None:
            return found
    return next((Path(each) for each in MAC_APPLICATIONS if Path(each).exists()), None)


def _from_playwright(venv: Path) -> Path | None:
    try:
        path = Path(run([venv / "bin" / "python", "-c", PLAYWRIGHT_PATH]).strip())
    except SetupError:
        return None
    return path if path.exists() else None


def _from_apt(venv: Path, progress: Progress) -> Path | None:
    is_root = platform.system() == "Linux" and os.geteuid() == 0
    if not is_root or find_program("apt-get", venv) is None:
        return None
    progress.start("installing Chromium for the tests (apt-get)")
    environment = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    install = ["apt-get", "install", "-y", "--no-install-recommends", *DEBIAN_PACKAGES]
    try:
        run(["apt-get", "update"], environment=environment)
        run(install, environment=environment)
    except SetupError as error:
        progress.note(f"apt-get could not install Chromium ({error})")
        return None
    return _on_machine(venv)


def _download(venv: Path, progress: Progress) -> Path | None:
    progress.start("downloading Chromium for the tests (Playwright)")
    try:
        run([venv / "bin" / "python", "-m", "playwright", "install", "chromium"])
    except SetupError as error:
        progress.note(f"Playwright could not download Chromium ({error})")
        return None
    return _from_playwright(venv)
