"""The real demo, a real Chromium, and pages that are watched while a test works on them.

Both live as long as this folder's tests: Playwright keeps an event loop in its thread, in which
no later test could run one of its own.

    def test_something(open_page: OpenPage) -> None:
        page = open_page("/schedules", user="operator", language="en")

Every page that a test opens is held to three things at its end: no violation of the content
security policy, no request that leaves this server, no error in its console.
"""

import json
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.support.chromium import launch
from tests.support.demo_process import DemoProcess, running_demo

DESKTOP = (1440, 900)
PHONE = (360, 740)
# The nights are short enough to see, the minutes long enough to read.
SPEED = 60
VIEWER = "khach"
VIEWER_PASSWORD = "xem-thoi-nhe"
# Limits, not expectations: a machine may be busy with forty nodes and drawing in software.
WAIT_MS = 45_000
EXPECT_MS = 20_000
OpenPage = Callable[..., Page]


@dataclass(slots=True)
class City:
    """The demo and the people who may log in to it.

    Attributes:
        demo: the running demo.
        tokens: session tokens by user name.
    """

    demo: DemoProcess
    tokens: dict[str, str]

    @property
    def address(self) -> str:
        """Of the screens."""
        return self.demo.server

    def api(self, method: str, path: str, body: Any = None, user: str = "admin") -> Any:
        """One request to the API; only success will do."""
        answer = httpx.request(
            method,
            f"{self.address}/api/v1/{path}",
            json=body,
            headers={"authorization": f"Bearer {self.tokens[user]}"},
            timeout=30,
            trust_env=False,
        )
        assert answer.is_success, answer.text
        return answer.json()

    def lamps(self, feeder: str) -> list[str]:
        """The node ids of a feeder, by its name."""
        for cabinet in self.api("GET", "topology")["cabinets"]:
            for each in cabinet["feeders"]:
                if each["name"] == feeder:
                    return list(each["nodes"])
        raise AssertionError(f"no feeder {feeder}")


@dataclass
class Watch:
    """What went wrong on the pages of a test; without slots, since Playwright marks listeners."""

    address: str
    problems: list[str] = field(default_factory=list[str])
    # Console errors that a test provokes on purpose.
    expected: list[str] = field(default_factory=list[str])

    def follow(self, page: Page) -> None:
        """Listens to a page from its first request on."""
        page.on("request", self._on_request)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.problems.append(f"error: {error}"))

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.address, "blob:", "data:")):
            self.problems.append(f"outside request: {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        text = message.text
        if message.type == "error" and not any(part in text for part in self.expected):
            self.problems.append(f"console: {text}")


@pytest.fixture(scope="package")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """The demo with an administrator, the operator of the demo, and a viewer."""
    with running_demo(tmp_path_factory.mktemp("browser") / "demo", SPEED) as demo:
        found = re.search(r"user admin, password (\S+)", demo.said())
        assert found is not None
        city = City(demo, {})
        city.tokens["admin"] = _log_in(demo.server, "admin", found[1])
        city.tokens["operator"] = _log_in(demo.server, demo.user, demo.password)
        viewer = {"username": VIEWER, "password": VIEWER_PASSWORD, "roles": ["viewer"]}
        city.api("POST", "users", viewer)
        city.tokens["viewer"] = _log_in(demo.server, VIEWER, VIEWER_PASSWORD)
        yield city


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all tests."""
    expect.set_options(timeout=EXPECT_MS)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture
def watch(city: City) -> Generator[Watch]:
    """Collects what must not happen, and fails the test for it at the end."""
    watch = Watch(city.address)
    yield watch
    assert watch.problems == []


@pytest.fixture
def open_page(city: City, browser: Browser, watch: Watch) -> Generator[OpenPage]:
    """Opens pages in a context of their own; all are closed after the test."""
    with ExitStack() as contexts:

        def open_page(
            path: str = "/",
            *,
            user: str | None = "operator",
            language: str = "vi",
            theme: str = "dark",
            size: tuple[int, int] = DESKTOP,
            script: str = "",
            **options: Any,
        ) -> Page:
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]},
                has_touch=size == PHONE,
                color_scheme="dark" if theme == "dark" else "light",
                base_url=city.address,
                **options,
            )
            contexts.callback(context.close)
            context.set_default_timeout(WAIT_MS)
            cookies = {"cf_lang": language, "cf_theme": theme}
            if user is not None:
                cookies["cf_session"] = city.tokens[user]
            context.add_cookies(
                [
                    {"name": name, "value": value, "url": city.address}
                    for name, value in cookies.items()
                ]
            )
            if script:
                context.add_init_script(script)
            page = context.new_page()
            watch.follow(page)
            page.goto(path)
            return page

        yield open_page


@pytest.fixture(scope="package")
def axe(repository: Path) -> str:
    """The source of axe-core, to be run in a page."""
    return (repository / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def _log_in(server: str, user: str, password: str) -> str:
    body = {"username": user, "password": password}
    answer = httpx.post(f"{server}/api/v1/login", json=body, timeout=30, trust_env=False)
    assert answer.is_success, answer.text
    return str(json.loads(answer.text)["token"])
