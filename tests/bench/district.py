"""The demo district under the stopwatch: start, memory, click to lamp, message to map.

The browser is a real Chromium on the real pages; the lamp is what the virtual bench sees at
the dimming output; the extra node that speaks is enrolled like any other and talks TLS.
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import aiomqtt
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from playwright.sync_api import Browser, Page, sync_playwright

from protocols.fields import SMART_BIN, scaled
from protocols.messages import encode_report
from protocols.topics import up
from tests.bench.row import Row, spread
from tests.support.chromium import launch
from tests.support.demo_process import DemoProcess, running_demo

# As `make demo` has it.
SPEED = 360
CLICKS = 40
MESSAGES = 60
LAMP = "pk-sl-003"
SPEAKER = "pk-bn-02"
# Far above what the bin itself has counted, so that ours is the newest word.
LATER_BOOT = 1000000
WAIT_S = 10.0
LOOK_S = 0.005
SETTLE_MS = 3000


def measure(folder: Path) -> list[Row]:
    """Every row of the district, in one run of the demo."""
    with running_demo(folder / "demo", SPEED) as demo:
        rows = [
            Row("demo ready after set-up, 40 nodes over TLS", f"{demo.ready_s:.1f} s", "under 15 s")
        ]
        rows += _memory(demo)
        with sync_playwright() as playwright:
            browser = launch(playwright)
            try:
                rows.append(Row("click to lamp", spread(_clicks(demo, browser)), "p95 under 1 s"))
                rows.append(
                    Row(
                        "MQTT message to the open map",
                        spread(_messages(demo, browser)),
                        "p95 under 1 s",
                    )
                )
            finally:
                browser.close()
        return rows


def _memory(demo: DemoProcess) -> Iterator[Row]:
    """Resident and proportional memory of the node processes and of the server (Linux)."""
    nodes = [state["pid"] for state in demo.plant().values() if state.get("pid")]
    shares = [_kib(pid, "smaps_rollup", "Pss") for pid in nodes]
    yield Row(
        f"memory of a node process ({len(nodes)} running)",
        f"{sum(shares) / len(shares) / 1024:.1f} MiB proportional, "
        f"{max(_kib(pid, 'status', 'VmRSS') for pid in nodes) / 1024:.1f} MiB resident at most",
    )


def _kib(pid: int, file: str, key: str) -> int:
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    raise ValueError(f"{key} is not in {file}")


def _clicks(demo: DemoProcess, browser: Browser) -> list[float]:
    """Seconds from the operator's click on the node's page to the lamp's output."""
    with _operator(demo, browser) as page:
        page.goto(f"{demo.server}/nodes/{LAMP}")
        samples: list[float] = []
        form = page.locator("form:has([name=level])").first
        button = form.locator("[type=submit]")
        form.locator("[name=reason]").fill("bench")
        form.locator("[name=minutes]").select_option("1440")
        for number in range(CLICKS):
            level = 20 + 5 * (number % 15)
            form.locator("[name=level]").fill(str(level))
            _wait(button.is_enabled)
            began = time.monotonic()
            button.click()
            _wait(lambda level=level: demo.plant()[LAMP].get("level") == level)
            samples.append(time.monotonic() - began)
        return samples


def _messages(demo: DemoProcess, browser: Browser) -> list[float]:
    """Seconds from publishing a report to its figure in the list beside the map."""
    # The real bin gives up its place on the broker to us: its power goes first.
    demo.cityfleet("demo", "cut-node", SPEAKER)
    _wait(lambda: not demo.plant()[SPEAKER].get("pid"), 20.0)
    with _operator(demo, browser) as page:
        page.goto(f"{demo.server}/")
        page.wait_for_selector(f'.node-row a[href="/nodes/{SPEAKER}"]')
        page.evaluate(_WATCH, SPEAKER)
        # In a thread of its own: the browser's driver has this thread's event loop.
        with ThreadPoolExecutor(1) as thread:
            published = thread.submit(lambda: asyncio.run(_speak(demo))).result()
        page.wait_for_timeout(SETTLE_MS)
        seen: dict[str, float] = page.evaluate("window.seen")
    # A figure that the next one overtook was never drawn; the last one must have been.
    assert str(max(published)) in seen
    return [seen[str(fill)] - at_s for fill, at_s in published.items() if str(fill) in seen]


# Notes when each figure first stands in the row, in unix seconds.
_WATCH = """node => {
  window.seen = {};
  const row = document.querySelector(`.node-row a[href="/nodes/${node}"]`).closest(".node-row");
  const value = row.querySelector(".node-row__value");
  const look = () => {
    const figure = parseInt(value.textContent, 10);
    if (Number.isNaN(figure)) return;
    window.seen[figure] ??= (performance.timeOrigin + performance.now()) / 1000;
  };
  const every = { childList: true, characterData: true, subtree: true };
  new MutationObserver(look).observe(value, every);
}"""


async def _speak(demo: DemoProcess) -> dict[int, float]:
    """Publishes a fill level after another as the bin would; level -> when."""
    identity = demo.data / "nodes" / SPEAKER / "identity"
    context = _tls(identity, demo.data)
    published: dict[int, float] = {}
    async with aiomqtt.Client(
        "127.0.0.1",
        demo.note["ports"]["broker"],
        identifier=SPEAKER,
        tls_context=context,
    ) as broker:
        for number in range(MESSAGES):
            fill = 20 + number
            row = scaled(SMART_BIN, {"fill_percent": fill, "battery_v": 3.6})
            report = encode_report(SMART_BIN, LATER_BOOT, number, int(time.time()), row)
            published[fill] = time.time()
            await broker.publish(up(SPEAKER, "report"), report, qos=1)
            # Uneven, so that the page's own rhythm of refreshing is sampled everywhere.
            await asyncio.sleep(0.5 + number % 7 * 0.05)
    return published


def _tls(identity: Path, folder: Path) -> ssl.SSLContext:
    """The node's own identity, turned from the node's form into OpenSSL's."""
    key = serialization.load_der_private_key((identity / "key.der").read_bytes(), None)
    chain = x509.load_der_x509_certificate((identity / "cert.der").read_bytes())
    pem = folder / "speaker.pem"
    pem.touch(mode=0o600)
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + chain.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(cadata=(identity / "ca.der").read_bytes())
    context.load_cert_chain(pem)
    return context


@contextmanager
def _operator(demo: DemoProcess, browser: Browser) -> Generator[Page]:
    """A browser page that is logged in."""
    with closing(browser.new_context(viewport={"width": 1440, "height": 900})) as context:
        page = context.new_page()
        page.goto(f"{demo.server}/login")
        page.fill("input[name=username]", demo.user)
        page.fill("input[name=password]", demo.password)
        page.keyboard.press("Enter")
        page.wait_for_url(f"{demo.server}/")
        yield page


def _wait(done: Callable[[], bool], most_s: float = WAIT_S) -> None:
    end_s = time.monotonic() + most_s
    while not done():
        if time.monotonic() > end_s:
            raise TimeoutError(f"nothing happened within {most_s} s")
        time.sleep(LOOK_S)
