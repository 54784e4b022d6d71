"""Static files: our own under /static, and a short list from node_modules under /assets.

Every address carries a version made from the bytes of all files, so a browser
keeps them for a year and a new release is a new address; ES modules that
import each other by relative path inherit it. Another version than ours is
answered too, but must be asked for again next time.

    files = AssetFiles.load()
    files.static_base   # "/static/3f2a9c01"
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response

from fleet_server.errors import NotFoundError

STATIC_FOLDER = Path(__file__).parent / "static"
NODE_MODULES = Path(__file__).parents[2] / "node_modules"
# Nothing else of node_modules can be fetched.
ASSETS = {
    "htmx.js": "htmx.org/dist/htmx.min.js",
    "uplot.js": "uplot/dist/uPlot.iife.min.js",
    "uplot.css": "uplot/dist/uPlot.min.css",
    "maplibre-gl.mjs": "maplibre-gl/dist/maplibre-gl.mjs",
    "maplibre-gl-worker.mjs": "maplibre-gl/dist/maplibre-gl-worker.mjs",
    "maplibre-gl.css": "maplibre-gl/dist/maplibre-gl.css",
}
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
    ".png": "image/png",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "public, no-cache"

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served."""

    body: bytes
    media_type: str
    etag: str
    _packed: list[bytes] = field(default_factory=list[bytes])

    def packed(self) -> bytes:
        """The body gzipped, made at the first call."""
        if not self._packed:
            self._packed.append(gzip.compress(self.body, 9, mtime=0))
        return self._packed[0]


@dataclass(frozen=True, slots=True)
class AssetFiles:
    """All files that the screens may fetch, in memory.

    Attributes:
        version: changes with any byte of any file.
        static: our own by path below static/.
        assets: those of node_modules by their short name.
        missing: assets whose package is not installed.
    """

    version: str
    static: dict[str, Asset]
    assets: dict[str, Asset]
    missing: tuple[str, ...]

    @property
    def static_base(self) -> str:
        """The address before the path of one of our own files."""
        return f"/static/{self.version}"

    @property
    def asset_base(self) -> str:
        """The address before the short name of an asset."""
        return f"/assets/{self.version}"


@cache
def load() -> AssetFiles:
    """Reads every file once per process."""
    static = {
        path.relative_to(STATIC_FOLDER).as_posix(): _asset(path)
        for path in sorted(STATIC_FOLDER.rglob("*"))
        if path.is_file()
    }
    found = {name: NODE_MODULES / path for name, path in ASSETS.items()}
    assets = {name: _asset(path) for name, path in found.items() if path.is_file()}
    missing = tuple(name for name in ASSETS if name not in assets)
    return AssetFiles(_version([*static.values(), *assets.values()]), static, assets, missing)


@router.get("/static/{version}/{path:path}")
def static_file(
    version: str,
    path: str,
    request: Request,
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """One of our own files."""
    return _answer(load().static.get(path), version, request, if_none_match)


@router.get("/assets/{version}/{name}")
def asset_file(
    version: str,
    name: str,
    request: Request,
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """One of the listed files of node_modules."""
    return _answer(load().assets.get(name), version, request, if_none_match)


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, _TYPES[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:20]}"')


def _version(files: Iterable[Asset]) -> str:
    return hashlib.sha256("".join(file.etag for file in files).encode()).hexdigest()[:10]


def _answer(file: Asset | None, version: str, request: Request, if_none_match: str) -> Response:
    if file is None:
        raise NotFoundError("There is no such file.")
    headers = {
        "Cache-Control": _FOR_EVER if version == load().version else _ASK_AGAIN,
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    if file.etag in if_none_match:
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(file.body, media_type=file.media_type, headers=headers)
    headers["Content-Encoding"] = "gzip"
    return Response(file.packed(), media_type=file.media_type, headers=headers)
