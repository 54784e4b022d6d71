"""What the demo tells, on a terminal, in a log, and to nobody."""

import io

import pytest

from tools.demo.report import Reporter


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    """A terminal whose window was closed."""

    def write(self, text: str) -> int:
        raise OSError(5, "Input/output error")


def reporter(stream: io.StringIO) -> Reporter:
    times = iter(range(1000))
    return Reporter(stream, lambda: float(next(times)))


def test_steps_carry_the_seconds_since_the_start() -> None:
    stream = io.StringIO()
    report = reporter(stream)
    report.step("broker on port 1")
    report.say("ready")
    assert stream.getvalue() == "    1.0 s  broker on port 1\nready\n"


def test_a_log_gets_a_line_now_and_then() -> None:
    stream = io.StringIO()
    report = reporter(stream)
    for done in (0, 0, 3, 10, 10, 27, 40):
        report.waiting("nodes online", done, 40)
    lines = [line.partition("s  ")[2] for line in stream.getvalue().splitlines()]
    assert lines == [f"nodes online {done} of 40" for done in (0, 10, 40)]


def test_a_terminal_gets_a_bar_that_ends_before_the_next_line() -> None:
    stream = Terminal()
    report = reporter(stream)
    report.waiting("nodes online", 20, 40)
    report.waiting("nodes online", 40, 40)
    report.say("ready")
    assert stream.getvalue().count("\r\x1b[K") == 2
    assert stream.getvalue().endswith("nodes online 40 of 40\nready\n")


@pytest.mark.parametrize("closed", [False, True])
def test_without_a_terminal_it_falls_silent_and_never_fails(closed: bool) -> None:
    stream = Gone()
    if closed:
        stream.close()
        stream.isatty = lambda: False  # type: ignore[method-assign]
    report = reporter(stream)
    report.step("still here")
    report.waiting("nodes online", 0, 40)
    report.say("bye")
