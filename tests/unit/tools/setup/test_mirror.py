"""The mirror that a machine uses is found in both formats of apt's sources."""

from pathlib import Path

import pytest

from tools.setup.mirror import AptSource, find_mirror, parse_deb822, parse_list, read_sources

DEB822 = """\
Types: deb deb-src
# a snapshot would be http://snapshot.example/archive/debian
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
ONE_LINE = """\
# deb http://old.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main contrib
deb [ arch=amd64 signed-by=/a/debian-archive-keyring.gpg ] https://near.example/d trixie main # near
"""
VENDOR = """\
deb [signed-by=/usr/share/keyrings/vendor.gpg] https://apt.vendor.example/debian bookworm main
deb https://other.example/linux nodistro main
deb cdrom:[Debian 12]/ bookworm main
"""


def write(folder: Path, **files: str) -> Path:
    """Writes sources as apt keeps them; `list_` is the main file."""
    (folder / "sources.list.d").mkdir()
    for name, text in files.items():
        path = folder / "sources.list" if name == "list_" else folder / "sources.list.d" / name
        path.write_text(text)
    return folder


def test_both_formats_are_read_with_their_options() -> None:
    assert parse_deb822(DEB822)[0] == AptSource(
        "http://mirror.example/debian",
        ("bookworm", "bookworm-updates"),
        ("main",),
        "/usr/share/keyrings/debian-archive-keyring.gpg",
    )
    assert parse_list(ONE_LINE) == [
        AptSource(
            "https://near.example/d",
            ("trixie",),
            ("main",),
            "/a/debian-archive-keyring.gpg",
        )
    ]


def test_continued_and_disabled_stanzas() -> None:
    text = (
        "Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: sid\nComponents: main\n"
        " \t\nTypes: deb\nURIs:\n http://one.example/debian\n http://two.example/debian\n"
        "Suites: sid\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n"
    )
    assert [source.uri for source in parse_deb822(text)] == [
        "http://one.example/debian",
        "http://two.example/debian",
    ]


def test_a_machine_with_deb822_sources(tmp_path: Path) -> None:
    folder = tmp_path
    (folder / "sources.list.d").mkdir()
    (folder / "sources.list.d" / "debian.sources").write_text(DEB822)
    assert find_mirror(folder, {}) == "http://mirror.example/debian"


def test_a_machine_with_one_line_sources_and_vendors(tmp_path: Path) -> None:
    folder = write(tmp_path, list_=VENDOR + ONE_LINE)
    assert len(read_sources(folder)) == 4
    assert find_mirror(folder, {}) == "https://near.example/d"


def test_vendors_and_the_security_archive_are_no_mirror(tmp_path: Path) -> None:
    folder = write(tmp_path, list_=VENDOR)
    security = DEB822.partition("\n\n")[2]
    (folder / "sources.list.d" / "security.sources").write_text(security)
    (folder / "sources.list.d" / "off.list.disabled").write_text(ONE_LINE)
    assert len(read_sources(folder)) == 4
    assert find_mirror(folder, {}) is None


def test_a_mirror_list_of_a_cloud_image_is_passed_on(tmp_path: Path) -> None:
    text = "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: trixie\n"
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "a.sources").write_text(text + "Components: main\n")
    assert find_mirror(tmp_path, {}) == "mirror+file:///etc/apt/mirrors/debian.list"


@pytest.mark.parametrize("sources", ["", ONE_LINE])
def test_the_environment_goes_first(tmp_path: Path, sources: str) -> None:
    chosen = {"CITYFLEET_DEBIAN_MIRROR": " http://chosen.example/debian "}
    assert find_mirror(write(tmp_path, list_=sources), chosen) == "http://chosen.example/debian"


def test_no_sources_no_mirror(tmp_path: Path) -> None:
    assert find_mirror(tmp_path, {}) is None
