"""The real command, as a process: a known error is one line and status 2, a bug a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.tools.small_server import SmallServer, small_server
from tools.cli.main import app
from tools.client.credentials import Profile, save_profile

pytestmark = pytest.mark.sockets

TIMEOUT_S = 30
PROVISION = ("node", "provision", "A B", "--kind=streetlight", "--token-file=-", "--out=n")


class Shell:
    """Runs `cityfleet` in a home of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        kept = {key: value for key, value in os.environ.items() if "CITYFLEET" not in key}
        self.environment = {**kept, "XDG_CONFIG_HOME": str(folder / "config")}

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        program = str(Path(sys.prefix) / "bin" / "cityfleet")
        return subprocess.run(
            [program, *words],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            cwd=self.folder,
            env=self.environment,
        )

    def fails(self, *words: str, stdin: str = "") -> str:
        """Runs what must fail as a known error; returns its line."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 2, done
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith("cityfleet: ")
        return done.stderr

    def remember(self, server: SmallServer) -> None:
        """As after an earlier login, without running the command again."""
        path = self.folder / "config" / "cityfleet" / "cli.json"
        save_profile(Profile(server.address, "cf_secret", "lan", path))

    def login(self, server: SmallServer) -> None:
        """Logs in by the command."""
        server.answer("POST /api/v1/login", {"token": "cf_secret"})
        words = ("--user", "lan", "--server", server.address, "--password-file", "-")
        done = self.run("login", *words, stdin="pass word\n")
        assert done.returncode == 0, done
        assert "cf_secret" not in done.stdout + done.stderr


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def test_nobody_is_logged_in(shell: Shell) -> None:
    assert "cityfleet login" in shell.fails("nodes", "list")


def test_no_server_answers(shell: Shell) -> None:
    with small_server() as server:
        shell.remember(server)
    assert "no fleet server answers at http://127.0.0.1" in shell.fails("nodes", "list")


def test_login_keeps_the_token_and_sends_the_password_once(shell: Shell) -> None:
    with small_server() as server:
        shell.login(server)
        server.answer("GET /api/v1/me", {"username": "lan", "roles": ["viewer", "operator"]})
        done = shell.run("whoami")
    assert "viewer, operator" in done.stdout
    assert server.asked[0].body == b'{"username":"lan","password":"pass word"}'
    assert server.asked[1].headers["authorization"] == "Bearer cf_secret"
    kept = shell.folder / "config" / "cityfleet" / "cli.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert b"pass word" not in kept.read_bytes()


def test_a_wrong_password(shell: Shell) -> None:
    with small_server() as server:
        server.refuse("POST /api/v1/login", 401, code="wrong_login", message="It is wrong.")
        words = ("login", "-u", "lan", "--server", server.address, "--password-file", "-")
        assert "It is wrong." in shell.fails(*words, stdin="guess\n")
    assert not (shell.folder / "config").exists()


def test_without_a_terminal_the_password_is_not_asked_for(shell: Shell) -> None:
    line = shell.fails("login", "-u", "lan", "--server", "http://127.0.0.1:1")
    assert "--password-file" in line


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "cityfleet login"), (403, "no permission"), (404, "no such node"), (500, "failed")],
)
def test_refusals_of_the_server(shell: Shell, status: int, words: str) -> None:
    with small_server() as server:
        shell.remember(server)
        if status == 500:
            server.answer_raw("GET /api/v1/nodes/pk-sl-001", "oops", 500)
        else:
            server.refuse("GET /api/v1/nodes/pk-sl-001", status, code="c", message="no such node")
        assert words in shell.fails("nodes", "show", "pk-sl-001")


@pytest.mark.parametrize(
    "words",
    [
        ("schedule", "push", "Đêm", "--group", "không có"),
        ("override", "set", "50", "--minutes", "5"),
        ("override", "set", "50", "--minutes", "5", "-n", "a", "-g", "b"),
        ("programs", "create", "x", "-s", "noon=5"),
        ("release", "show", "missing.release"),
        ("release", "upload", "config/cityfleet/cli.json"),
        ("release", "sign", "missing.release", "--key", "missing.pem"),
        ("release", "build", "--kind", "toaster", "--version", "1", "--counter", "1"),
        (*PROVISION, "--trust", "missing.json", "--place", "1,2"),
        (*PROVISION, "--trust", "config", "--place", "north"),
        ("node", "token", "--kind", "streetlight", "--out", "config"),
        ("demo", "status"),
        ("demo", "cut-feeder", "nirgendwo"),
    ],
)
def test_what_a_user_can_get_wrong_is_one_line(shell: Shell, words: tuple[str, ...]) -> None:
    with small_server() as server:
        shell.remember(server)
        server.answer("GET /api/v1/groups", {"groups": []})
        server.answer("GET /api/v1/programs", {"programs": [{"id": 1, "name": "Đêm"}]})
        shell.fails(*words, stdin="token\n")
        writes = [asked for asked in server.asked if asked.method != "GET"]
    assert writes == []


def test_a_bug_keeps_its_traceback(shell: Shell) -> None:
    with small_server() as server:
        shell.remember(server)
        server.answer("GET /api/v1/nodes", {"no_nodes": True})
        done = shell.run("nodes", "list")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "KeyError" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error(shell: Shell) -> None:
    rows = [{"id": f"n-{i}", "kind": "streetlight", "online": True} for i in range(5000)]
    with small_server() as server:
        shell.remember(server)
        server.answer("GET /api/v1/nodes", {"nodes": rows})
        program = str(Path(sys.prefix) / "bin" / "cityfleet")
        done = subprocess.run(
            ["/bin/sh", "-c", f"{program} nodes list | head -n 1"],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
            cwd=shell.folder,
            env=shell.environment,
        )
    assert done.stdout.startswith("id\t")
    assert done.stderr == ""


def test_every_command_explains_itself() -> None:
    """Help of every command on the way down."""
    runner = CliRunner()
    todo: list[tuple[str, ...]] = [()]
    seen = 0
    while todo:
        words = todo.pop()
        done = runner.invoke(app, [*words, "--help"])
        assert done.exit_code == 0, done.output
        seen += 1
        listed = done.output.partition("\nCommands:\n")[2]
        names = [line.split()[0] for line in listed.splitlines() if line[2:3].strip()]
        todo.extend((*words, name) for name in names)
    assert seen > 50


def test_help_is_quick_because_it_loads_nothing_heavy(repository: Path) -> None:
    program = (
        "import sys; import tools.cli.main; "
        "print(sorted({'httpx', 'rich', 'cryptography', 'sqlmodel', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
        cwd=repository,
    )
    assert done.stdout == "[]\n"
