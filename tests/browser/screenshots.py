"""`make screenshots`: pictures of every page, taken from a demo that this script starts.

    python -m tests.browser.screenshots            # into docs/screenshots
    python -m tests.browser.screenshots map node   # only these

An evening in the city: the lamps burn, one feeder has lost its mains, a release has been rolled
out and a forged one refused. Nothing on the pictures is made up; times and readings differ from
run to run.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.chromium import launch
from tests.support.demo_process import DemoProcess, running_demo

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
# The README's picture must load quickly where the line is thin.
MAIN_PICTURE_BYTES = 300_000
DESKTOP = (1280, 800)
PHONE = (360, 740)
# Slow enough that all pictures show the same evening.
SPEED = 120
DARK_FEEDER = "Trần Hưng Đạo"
# Half past six in the evening: lamps burn, and the chart already has a dusk.
EVENING_H = 18.5
WAIT_S = 150.0
CITY_OFFSET_S = 7 * 3600


@dataclass(frozen=True, slots=True)
class Picture:
    """One page as it is taken.

    Attributes:
        path: of the page.
        ready: what stands on it once it is drawn.
        prepare: what somebody does on it before the picture.
    """

    path: str
    ready: str
    language: str = "vi"
    theme: str = "dark"
    size: tuple[int, int] = DESKTOP
    whole: bool = False
    prepare: Callable[[Page], None] | None = None


def _look_at_pleiku(page: Page) -> None:
    page.get_by_role("button", name="Pleiku", exact=True).click()
    page.wait_for_timeout(1500)


def _open_lamp(page: Page) -> None:
    _look_at_pleiku(page)
    page.locator(".node-row__main", has_text="Hùng Vương 05").click()
    page.wait_for_timeout(1200)


MAP_READY = '#map[data-state="ready"]'
PICTURES = {
    "map": Picture("/", MAP_READY, prepare=_look_at_pleiku),
    "map-light": Picture("/", MAP_READY, "en", "light", prepare=_open_lamp),
    "map-phone": Picture("/", MAP_READY, size=PHONE, prepare=_look_at_pleiku),
    "node": Picture("/nodes/pk-sl-005", "#chart canvas", whole=True),
    "lighting": Picture("/schedules", "#commands li", whole=True),
    "lighting-phone": Picture("/schedules", "#commands li", size=PHONE),
    "alarms": Picture("/alarms", ".alarm"),
    "software": Picture("/releases", ".rollout", whole=True),
}


def main() -> int:
    """Takes the pictures; the exit status says whether the main one is small enough."""
    parser = argparse.ArgumentParser(prog="make screenshots")
    parser.add_argument("names", nargs="*", help="only these pictures")
    parser.add_argument("--into", type=Path, default=FOLDER, help="another folder")
    options = parser.parse_args()
    wanted = {name: PICTURES[name] for name in options.names} if options.names else PICTURES
    options.into.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="cityfleet-pictures-") as folder,
        running_demo(Path(folder) / "demo", SPEED) as demo,
        sync_playwright() as playwright,
    ):
        _live_an_evening(demo)
        browser = launch(playwright)
        for name, picture in wanted.items():
            path = options.into / f"{name}.png"
            _take(browser, demo, picture, path)
            print(f"{path.name:20} {path.stat().st_size // 1000:5} kB", flush=True)
        browser.close()
    main_picture = options.into / "map.png"
    if main_picture.exists() and main_picture.stat().st_size > MAIN_PICTURE_BYTES:
        print(f"map.png is larger than {MAIN_PICTURE_BYTES // 1000} kB", file=sys.stderr)
        return 1
    return 0


def _live_an_evening(demo: DemoProcess) -> None:
    """Brings the city to where the pictures show it."""
    steps = ("-s", "sunset=100", "-s", "23:00=40", "-s", "05:00=70", "-s", "sunrise=0")
    demo.cityfleet("programs", "create", "Ngày thường", *steps)
    demo.cityfleet("schedule", "push", "Ngày thường", "--group", "Tất cả đèn", "--wait")
    _roll_out(demo, "greenhouse")
    demo.cityfleet("demo", "forge-release", "--kind", "reservoir")
    demo.run("rollout", "start", "reservoir-6.6.6")
    _wait(lambda: _city_hour(demo) >= EVENING_H or _city_hour(demo) < 5, "the evening")
    _wait(lambda: len(_lit(demo)) == 30, "all lamps to burn")
    demo.cityfleet("override", "set", "60", "-m", "600", "-n", "dl-sl-003", "--reason", "sửa đường")
    demo.cityfleet("demo", "cut-feeder", DARK_FEEDER)
    _wait(lambda: demo.client.get("alarms?state=active")["alarms"] != [], "the alarm")
    # Later last gasps join the alarm.
    time.sleep(3)


def _roll_out(demo: DemoProcess, kind: str) -> None:
    file = demo.data / f"{kind}-1.1.0.release"
    what = ("--kind", kind, "--version", "1.1.0", "--counter", "2")
    demo.cityfleet("release", "build", *what, "--expires-days", "3650", "--out", str(file))
    key = demo.data / "release-keys" / "release-key.pem"
    demo.cityfleet("release", "sign", str(file), "--key", str(key))
    demo.cityfleet("release", "upload", str(file))
    demo.cityfleet("rollout", "start", f"{kind}-1.1.0")


def _lit(demo: DemoProcess) -> list[str]:
    return [name for name, node in demo.plant().items() if node.get("level")]


def _city_hour(demo: DemoProcess) -> float:
    now_s = demo.client.get("clock")["now_s"]
    return (now_s + CITY_OFFSET_S) % 86400 / 3600


def _wait(condition: Callable[[], bool], what: str) -> None:
    end_s = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > end_s:
            raise SystemExit(f"waited {WAIT_S:.0f} s for {what}")
        time.sleep(0.5)


def _take(browser: Browser, demo: DemoProcess, picture: Picture, path: Path) -> None:
    token = json.loads((demo.data / "cli.json").read_text())["token"]
    context = browser.new_context(
        viewport={"width": picture.size[0], "height": picture.size[1]},
        has_touch=picture.size == PHONE,
        base_url=demo.server,
    )
    cookies = {"cf_lang": picture.language, "cf_theme": picture.theme}
    if picture.path != "/login":
        cookies["cf_session"] = token
    context.add_cookies(
        [{"name": name, "value": value, "url": demo.server} for name, value in cookies.items()]
    )
    page = context.new_page()
    page.goto(picture.path)
    page.wait_for_selector(picture.ready, timeout=60_000)
    page.wait_for_timeout(1200)
    if picture.prepare is not None:
        picture.prepare(page)
    if picture.whole:
        # A viewport as tall as the page: what sticks to an edge stays at the edge.
        height = page.evaluate("document.documentElement.scrollHeight")
        page.set_viewport_size({"width": picture.size[0], "height": height})
        page.wait_for_timeout(400)
    page.screenshot(path=path)
    context.close()


if __name__ == "__main__":
    sys.exit(main())
