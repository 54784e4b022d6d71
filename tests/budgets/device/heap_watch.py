"""MicroPython: boots a node by its own bootstrap and watches the heap.

    micropython -X heapsize=128k -m heap_watch boot 8000         after 8 s of running
    micropython -X heapsize=128k -m heap_watch soak 30           after 30 days, by leaping time
    micropython -X heapsize=512k -m heap_watch modules           what each module costs

Runs in the node's folder with the virtual board on the module path. Prints lines that start
with HEAP and hold JSON, and micropython.mem_info() behind each, whose last line tells the
largest free block. Simulated parts of the virtual board are no part of a node, nor is this
program: "bench" is what the first hold before the firmware is there, "own" is the heap as this
program finds it, with nothing else but the interpreter.
"""

import gc

gc.collect()
OWN = gc.mem_alloc()

import asyncio
import builtins
import json
import sys
import time

import micropython

# The city's clock runs six times as fast as the node's ticks in a soak (heap.py sets it): the C
# half of asyncio asks the system's ticks, which ours may outrun by six days, half their period.
DAY_MS = 86400000 // 6


def tell(what: str, **more: object) -> None:
    """One line for the host, with the heap as it is after a collection."""
    gc.collect()
    more.update(what=what, used=gc.mem_alloc(), free=gc.mem_free())
    print("HEAP " + json.dumps(more))
    micropython.mem_info()
    micropython.qstr_info()


def bench_bytes() -> int:
    """Builds the virtual board as the firmware's first pin would: what it holds."""
    gc.collect()
    before = gc.mem_alloc()
    import machine
    import mapped_flash

    mapped_flash.install()

    machine.unique_id()
    # A chip has the bootstrap frozen; here it was compiled into the heap.
    import main  # noqa: F401

    gc.collect()
    return gc.mem_alloc() - before


async def tell_after(wait_ms: int) -> None:
    await asyncio.sleep_ms(wait_ms)
    tell("boot")
    sys.exit(0)


def boot(wait_ms: int) -> None:
    """The real bootstrap, with a task of ours beside the firmware's."""
    asyncio.create_task(tell_after(wait_ms))
    import main

    main.main()


class Soak:
    """A month: the connection breaks, orders come, days pass."""

    def __init__(self, days: int) -> None:
        self._days = days
        self._node = None

    def run(self) -> None:
        import main

        # As the bootstrap will find a factory-fresh node's application.
        main.mount("a")
        main.mount = lambda slot: None
        from firmware import main as firmware_main

        made = firmware_main.Node
        soak = self

        def node(*arguments: object) -> object:
            soak._node = made(*arguments)
            for entry in soak._node.supervisor._entries:
                entry.silence_ms = DAY_MS
            return soak._node

        firmware_main.Node = node
        poller = asyncio.core._io_queue.poller
        asyncio.core._io_queue.poller = time.LeapingPoller(poller, self.is_waiting)
        asyncio.create_task(self.live())
        main.main()

    def is_waiting(self) -> bool:
        """Whether the broker owes an answer, or a connection is being made."""
        session = self._node._session
        stream = session._stream
        is_open = stream is not None and stream._raw is not None
        return is_open and (not session.is_connected or bool(session._core.in_flight))

    async def live(self) -> None:
        least_free = None
        for day in range(self._days):
            # Connections die at any hour, some within a report.
            hour_ms = DAY_MS // 24 * (day % 23)
            await asyncio.sleep_ms(DAY_MS - hour_ms)
            if self._node._session.is_connected:
                # No packet of MQTT 3.1.1 begins so: the broker hangs up.
                self._node._session._stream.send(b"\xf0\x00")
            gc.collect()
            free = gc.mem_free()
            least_free = free if least_free is None else min(free, least_free)
            await asyncio.sleep_ms(hour_ms)
        session = self._node._session
        tell(
            "soak",
            days=(time.leapt_ms() + DAY_MS // 2) // DAY_MS,
            least_free=least_free,
            connected=session.is_connected,
            waiting=self._node._journal.outbox.waiting(),
            seq=self._node._journal.next_seq,
            crashes=self._node.supervisor.crashes(),
        )
        sys.exit(0)


class Modules:
    """What each module of ours adds to the heap, without those that it brings along."""

    def __init__(self) -> None:
        self._bytes = {}
        self._inner = []
        # What the asyncio package would load later by a way that cannot be watched.
        for name in ("Event", "StreamReader", "wait_for_ms", "Lock"):
            getattr(asyncio, name)
        self._import = builtins.__import__
        builtins.__import__ = self.watched

    def watched(self, name: str, *more: object) -> object:
        if name in self._bytes or name in sys.modules:
            return self._import(name, *more)
        self._bytes[name] = 0
        gc.collect()
        before = gc.mem_alloc()
        self._inner.append(0)
        try:
            return self._import(name, *more)
        finally:
            gc.collect()
            whole = gc.mem_alloc() - before
            self._bytes[name] = whole - self._inner.pop()
            if self._inner:
                self._inner[-1] += whole

    def run(self) -> None:
        import main

        asyncio.create_task(self.tell())
        main.main()

    async def tell(self) -> None:
        await asyncio.sleep_ms(3000)
        tell("modules", modules=self._bytes)
        sys.exit(0)


def main() -> None:
    mode = sys.argv[1]
    tell("bench", bench=bench_bytes(), own=OWN)
    if mode == "boot":
        boot(int(sys.argv[2]))
    elif mode == "soak":
        Soak(int(sys.argv[2])).run()
    else:
        Modules().run()


main()
