"""Downloads packages of Debian 13 without root and without touching the system's own apt.

apt runs with lists, cache and status of its own in a scratch folder. Every package is checked
against the signed package list: a list whose signature this machine cannot check is refused.
"""

import os
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.setup.commands import run
from tools.setup.errors import NetworkError, SetupError, SignatureError
from tools.setup.mirror import MIRROR_VARIABLE, find_mirror
from tools.setup.progress import Progress

SUITE = "trixie"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SIGNATURE_WORDS = re.compile(r"NO_PUBKEY|EXPKEYSIG|BADSIG|REVKEYSIG|is not signed|not verified")

# The system's own apt.conf is read first (proxies, certificates); these come after it.
APT_CONF = """\
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::State::lists "{folder}/lists";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
APT::Architecture "{architecture}";
#clear APT::Architectures;
APT::Architectures {{ "{architecture}"; }};
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
APT::Update::Error-Mode "any";
APT::Get::AllowUnauthenticated "false";
APT::Sandbox::User "";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
Acquire::Languages "none";
Acquire::PDiffs "false";
Acquire::Retries "2";
Acquire::http::Timeout "20";
Acquire::https::Timeout "20";
"""


@dataclass(frozen=True, slots=True)
class DebianArchive:
    """A mirror that packages can be had from, and this machine's own architecture."""

    mirror: str
    keyring: Path
    native: str

    def download(
        self,
        architecture: str,
        packages: Sequence[str],
        folder: Path,
        progress: Progress,
    ) -> list[Path]:
        """Downloads packages (not what they depend on) into an empty scratch folder.

        Returns:
            The .deb files, one for each package.

        Raises:
            SignatureError: The package list is not signed by a key that this machine knows.
            NetworkError: The mirror cannot be reached or lacks a package.
        """
        if not self.keyring.exists():
            raise SignatureError(
                f"{self.keyring} is missing, so packages cannot be checked: "
                "install debian-archive-keyring"
            )
        environment = self._prepare(architecture, folder)
        debs = folder / "debs"
        self._apt(["update"], folder, environment, progress)
        self._apt(["download", *packages], debs, environment, progress)
        found = sorted(debs.glob("*.deb"))
        if len(found) != len(packages):
            raise NetworkError(f"{self.mirror} gave {len(found)} of {len(packages)} packages")
        return found

    def _prepare(self, architecture: str, folder: Path) -> dict[str, str]:
        for name in ("lists/partial", "cache/archives/partial", "debs"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        source = f"deb [signed-by={self.keyring}] {self.mirror} {SUITE} main\n"
        (folder / "sources.list").write_text(source, encoding="utf-8")
        conf = APT_CONF.format(folder=folder, architecture=architecture)
        (folder / "apt.conf").write_text(conf, encoding="utf-8")
        return {"LC_ALL": "C.UTF-8", "TMPDIR": str(folder)}

    def _apt(
        self, words: list[str], cwd: Path, environment: dict[str, str], progress: Progress
    ) -> None:
        conf = (cwd if words[0] == "update" else cwd.parent) / "apt.conf"
        status = ["-o", "APT::Status-Fd=1", "-q"]

        def on_line(line: str) -> None:
            # dlstatus:<item>:<percent>:<text>, apt's machine-readable progress
            match = re.match(r"dlstatus:\d+:([\d.]+):", line)
            if match:
                progress.update(round(float(match.group(1))), 100, words[0])

        try:
            run(
                ["apt-get", "-c", conf, *status, *words],
                cwd=cwd,
                environment=environment,
                on_line=on_line,
            )
        except SetupError as error:
            raise self._explained(error) from error

    def _explained(self, error: SetupError) -> SetupError:
        if SIGNATURE_WORDS.search(str(error)):
            return SignatureError(
                f"the signature of {self.mirror} {SUITE} cannot be checked with {self.keyring}: "
                f"upgrade the package debian-archive-keyring, then run again ({error})"
            )
        return NetworkError(
            f"cannot download from {self.mirror}: check the network, or name another mirror "
            f"in {MIRROR_VARIABLE}, then run again ({error})"
        )


def find_archive(
    environment: Mapping[str, str],
    apt_folder: Path = Path("/etc/apt"),
    keyring: Path = KEYRING,
) -> DebianArchive | None:
    """The archive that this machine can take packages from, or None on another system.

    Raises:
        SetupError: dpkg does not tell its architecture.
    """
    if platform.system() != "Linux":
        return None
    if not all(shutil.which(tool) for tool in ("apt-get", "dpkg", "dpkg-deb")):
        return None
    mirror = find_mirror(apt_folder, environment)
    if mirror is None:
        return None
    return DebianArchive(mirror, keyring, run(["dpkg", "--print-architecture"]).strip())


def unpack(debs: Sequence[Path], folder: Path) -> None:
    """Unpacks .deb files over each other into a folder; runs none of their scripts."""
    folder.mkdir(parents=True, exist_ok=True)
    for deb in debs:
        run(["dpkg-deb", "-x", deb, folder])


def package_of(deb: Path) -> tuple[str, str]:
    """The name and the version of a .deb, from the name of its file."""
    name, version, _ = os.path.basename(deb).split("_", 2)
    return name, version.replace("%3a", ":")
