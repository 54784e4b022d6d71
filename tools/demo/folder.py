"""Where the demo keeps what: one folder, and the names of all that is in it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The paths below one demo folder, `.demo/` by default."""

    root: Path

    @property
    def server(self) -> Path:
        """The fleet server's data: database, CA, broker configuration, release blobs."""
        return self.root / "server"

    @property
    def nodes(self) -> Path:
        """One folder per node: the root of its file system."""
        return self.root / "nodes"

    def node(self, node: str) -> Path:
        """The file system of one node."""
        return self.nodes / node

    @property
    def logs(self) -> Path:
        """A log per process, and per node below `nodes/`."""
        return self.root / "logs"

    @property
    def node_logs(self) -> Path:
        """What the nodes print."""
        return self.logs / "nodes"

    @property
    def run(self) -> Path:
        """What is true only while a demo runs: lock, control line, process list."""
        return self.root / "run"

    @property
    def lock(self) -> Path:
        """Held by the running demo and by its keeper; the system frees it when they end."""
        return self.run / "lock"

    @property
    def running(self) -> Path:
        """What other commands need to know of the running demo: ports and control line."""
        return self.run / "demo.json"

    @property
    def control_secret(self) -> Path:
        """The word that opens the control lines of the demo and of the bench."""
        return self.run / "control-secret"

    @property
    def bench(self) -> Path:
        """The virtual bench's orders."""
        return self.run / "bench.json"

    @property
    def clock(self) -> Path:
        """The city clock, kept so that it never runs backwards."""
        return self.root / "clock.json"

    @property
    def release_keys(self) -> Path:
        """The release manager's private key and the trust file that the nodes hold."""
        return self.root / "release-keys"

    @property
    def release_key(self) -> Path:
        """The private key that signs the demo's releases."""
        return self.release_keys / "release-key.pem"

    @property
    def trust(self) -> Path:
        """The public half, as the nodes and the server hold it."""
        return self.release_keys / "trust.json"

    @property
    def releases(self) -> Path:
        """Releases that were built here."""
        return self.root / "releases"

    @property
    def operator(self) -> Path:
        """The demo operator's name and password, readable by the owner alone."""
        return self.root / "operator.json"

    @property
    def first_login(self) -> Path:
        """The administrator's generated password, until it has been shown once."""
        return self.root / "first-login.json"

    @property
    def profile(self) -> Path:
        """The login that commands typed in this checkout use."""
        return self.root / "cli.json"
