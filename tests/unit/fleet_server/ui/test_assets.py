"""Static files: what is served, how long it may be kept, and how much script a page loads."""

import gzip
import re

import pytest
from fastapi import FastAPI

from fleet_server.adapters import http
from fleet_server.ui import assets
from tests.support.app_client import AppClient

# What a page without the map may load, packed; the map's library comes on top on its own page.
SCRIPT_BYTES = 60_000
FOR_EVER = "public, max-age=31536000, immutable"


@pytest.fixture
def client() -> AppClient:
    app = FastAPI()
    http.install(app)
    app.include_router(assets.router)
    return AppClient(app)


def test_every_listed_asset_is_installed() -> None:
    assert assets.load().missing == ()
    assert set(assets.load().assets) == set(assets.ASSETS)


def test_a_file_is_kept_for_a_year_under_its_version(client: AppClient) -> None:
    files = assets.load()
    answer = client.get(f"{files.static_base}/css/tokens.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == FOR_EVER
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    assert answer.content == files.static["css/tokens.css"].body
    assert answer.headers["content-encoding"] == "gzip"


def test_another_version_is_answered_but_not_kept(client: AppClient) -> None:
    answer = client.get("/static/0000000000/css/tokens.css")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, no-cache"
    again = client.get(
        "/static/0000000000/css/tokens.css", headers={"if-none-match": answer.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")


def test_a_browser_without_gzip_gets_the_plain_file(client: AppClient) -> None:
    base = assets.load().asset_base
    plain = client.get(f"{base}/htmx.js", headers={"accept-encoding": "identity"})
    packed = client.get(f"{base}/htmx.js")
    assert "content-encoding" not in plain.headers
    assert plain.content == packed.content


@pytest.mark.parametrize(
    "path",
    [
        "/assets/x/package.json",
        "/assets/x/maplibre-gl.mjs.map",
        "/assets/x/..%2F..%2Fpackage.json",
        "/static/x/..%2Fapi.py",
        "/static/x/%2e%2e/api.py",
        "/static/x/css",
        "/static/x/",
    ],
)
def test_nothing_else_can_be_fetched(client: AppClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_pages_without_the_map_load_little_script() -> None:
    """All of our own scripts together, with the libraries of the heaviest page without a map."""
    files = assets.load()
    own = sum(
        len(file.packed())
        for path, file in files.static.items()
        if path.startswith("js/") and not path.startswith("js/map/")
    )
    # marks.js and popup.js are shared with the node's page.
    shared = sum(len(files.static[f"js/map/{name}.js"].packed()) for name in ("marks", "popup"))
    libraries = len(files.assets["uplot.js"].packed())
    assert own + shared + libraries < SCRIPT_BYTES
    fragments = len(files.assets["htmx.js"].packed())
    assert own + fragments < SCRIPT_BYTES


def test_packing_repeats_exactly() -> None:
    file = assets.load().static["css/tokens.css"]
    assert file.packed() == gzip.compress(file.body, 9, mtime=0)


def test_no_file_of_ours_names_another_host() -> None:
    allowed = ("http://www.w3.org/",)
    for path, file in assets.load().static.items():
        for address in re.findall(r"https?://[^\s\"'`)]+", file.body.decode()):
            assert address.startswith(allowed), (path, address)


def test_scripts_hold_no_inline_style_and_no_eval() -> None:
    for path, file in assets.load().static.items():
        if path.endswith(".js"):
            text = file.body.decode()
            assert not re.search(r"\beval\(|new Function\(|innerHTML|cssText", text), path
