"""A bar on a terminal, plain lines in a log."""

import io

from tools.setup.progress import Progress


class Terminal(io.StringIO):
    """Keeps what is written and says that a person looks at it."""

    def isatty(self) -> bool:
        """A terminal, always."""
        return True


def test_a_log_gets_one_plain_line_for_a_step() -> None:
    log = io.StringIO()
    progress = Progress(log)
    progress.start("downloading a lamp")
    progress.update(1, 2, "half")
    progress.note("a word")
    progress.finish()
    assert log.getvalue() == "set-up: downloading a lamp\nset-up: a word\n"


def test_nothing_to_do_says_nothing() -> None:
    log = io.StringIO()
    Progress(log).finish()
    assert log.getvalue() == ""


def test_a_terminal_gets_a_bar_that_fills() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    progress.start("downloading a lamp")
    progress.update(1, 2, "half of it")
    progress.update(9, 2)
    progress.finish()
    empty, half, over, full = terminal.getvalue().split("\r\x1b[K")[1:]
    assert empty.startswith("[" + "." * 24 + "] downloading a lamp")
    assert half.startswith("[" + "#" * 12 + "." * 12 + "] downloading a lamp half of it")
    assert over.startswith("[" + "#" * 24 + "]")
    assert full.startswith("[" + "#" * 24 + "]")
    assert full.endswith("\n")
