"""On the device: cases that report themselves as JSON lines, one per case.

    import check

    @check.case
    def full_outbox_drops_the_oldest_report(): ...

    check.run()

A case that returns without an error holds. An async case is run in its own loop.
"""

import asyncio
import json
import sys

_cases = []


def case(function: object) -> object:
    """Register a case under its function's name."""
    _cases.append(function)
    return function


def raises(kind: type, function: object, *arguments: object) -> BaseException:
    """The error of the wanted kind that a call must raise."""
    try:
        function(*arguments)
    except kind as error:
        return error
    raise AssertionError("nothing was raised")


async def raises_async(kind: type, coroutine: object) -> BaseException:
    """The same for something awaited."""
    try:
        await coroutine
    except kind as error:
        return error
    raise AssertionError("nothing was raised")


def equal(found: object, wanted: object) -> None:
    """Both are the same, or the case fails with both shown."""
    if found != wanted:
        raise AssertionError("found %r, wanted %r" % (found, wanted))


def near(found: float, wanted: float, within: float) -> None:
    """Both are close, or the case fails with both shown."""
    if found is None or abs(found - wanted) > within:
        raise AssertionError("found %r, wanted %r within %r" % (found, wanted, within))


def run() -> None:
    """Run all cases in order; each is one JSON line on standard output."""
    for function in _cases:
        result = {"case": function.__name__, "ok": True}
        try:
            value = function()
            if hasattr(value, "send"):
                value = asyncio.run(_bounded(value))
            if value is not None:
                result["value"] = value
        except Exception as error:
            result["ok"] = False
            result["error"] = "%s: %s" % (type(error).__name__, error)
            sys.print_exception(error, sys.stderr)
        print(json.dumps(result))


async def _bounded(coroutine: object) -> object:
    return await asyncio.wait_for(coroutine, 60)
