"""Finds the Debian mirror that this machine already uses.

Reads apt's own sources, in both of their formats, so that a mirror chosen by the machine's
owner is respected. The environment variable CITYFLEET_DEBIAN_MIRROR goes first.

Source: sources.list(5), apt 3.0.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MIRROR_VARIABLE = "CITYFLEET_DEBIAN_MIRROR"
RELEASES = frozenset(
    ("oldstable", "stable", "testing", "unstable", "sid", "bullseye", "bookworm", "trixie", "forky")
)
SCHEMES = ("http:", "https:", "mirror:", "mirror+", "file:", "copy:")


@dataclass(frozen=True, slots=True)
class AptSource:
    """One archive that apt reads binary packages from."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str


def find_mirror(apt_folder: Path, environment: Mapping[str, str]) -> str | None:
    """The address of a Debian archive, or None where this machine has none.

    Args:
        apt_folder: Usually /etc/apt.
        environment: Variables; a set CITYFLEET_DEBIAN_MIRROR is the answer.
    """
    chosen = environment.get(MIRROR_VARIABLE, "").strip()
    if chosen:
        return chosen
    debian = [source for source in read_sources(apt_folder) if _is_debian_archive(source)]
    # The keyring named by a source is a surer sign than the last part of its address.
    debian.sort(key=lambda source: "debian-archive" not in source.signed_by)
    return debian[0].uri if debian else None


def read_sources(apt_folder: Path) -> list[AptSource]:
    """All enabled binary sources of `sources.list` and `sources.list.d`, in apt's order."""
    sources: list[AptSource] = []
    parts = sorted((apt_folder / "sources.list.d").glob("*"))
    for path in [apt_folder / "sources.list", *parts]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if path.suffix == ".list":
            sources += parse_list(text)
        elif path.suffix == ".sources":
            sources += parse_deb822(text)
    return sources


def parse_list(text: str) -> list[AptSource]:
    """Reads the one-line format: `deb [options] uri suite component...`."""
    sources: list[AptSource] = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)([^#]*)", line)
        if match is None:
            continue
        options, uri, suite, components = match.groups()
        signed_by = re.search(r"(?:^|\s)signed-by=(\S+)", options or "")
        sources.append(
            AptSource(
                uri, (suite,), tuple(components.split()), signed_by.group(1) if signed_by else ""
            )
        )
    return sources


def parse_deb822(text: str) -> list[AptSource]:
    """Reads the format of `.sources` files: stanzas of `Field: value`."""
    sources: list[AptSource] = []
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split():
            continue
        if fields.get("enabled", "yes").lower() in ("no", "false", "without", "off", "disable"):
            continue
        suites = tuple(fields.get("suites", "").split())
        components = tuple(fields.get("components", "").split())
        for uri in fields.get("uris", "").split():
            sources.append(AptSource(uri, suites, components, fields.get("signed-by", "")))
    return sources


def _fields(stanza: str) -> dict[str, str]:
    """Splits a stanza into lower-case names and values; continued lines are joined."""
    fields: dict[str, str] = {}
    name = ""
    for line in stanza.splitlines():
        if line.startswith("#"):
            continue
        if line[:1].isspace():
            if name:
                fields[name] += f" {line.strip()}"
            continue
        head, colon, value = line.partition(":")
        if colon:
            name = head.strip().lower()
            fields[name] = value.strip()
    return fields


def _is_debian_archive(source: AptSource) -> bool:
    """Whether a source is the archive itself: not its security part, nor a vendor's own."""
    if not source.uri.startswith(SCHEMES) or "main" not in source.components:
        return False
    if RELEASES.isdisjoint(source.suites):
        return False
    if source.signed_by and "/" in source.signed_by:
        return "debian-archive" in source.signed_by
    return source.uri.rstrip("/").endswith(("debian", "debian.list"))
