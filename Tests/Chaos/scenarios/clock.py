"""The wall clock jumps by an hour and by a year, forth and back, in the running broker."""
from __future__ import annotations

import asyncio
import mmap
import struct
import time
from pathlib import Path

from client import OncePublisher
from fleet import Fleet
from scenario import Context, Result

HOUR = 3600
YEAR = 365 * 24 * HOUR
JUMPS = [HOUR, 0, -HOUR, 0, YEAR, 0, -YEAR, 0]


class Clock:
    """The offset that the shim in the broker adds to the wall clock."""

    def __init__(self, path: Path) -> None:
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), 8)

    def set(self, seconds: int) -> None:
        self._map[:] = struct.pack("q", seconds)


async def run(context: Context, result: Result) -> None:
    path = context.folder / "clock"
    clock = Clock(path)
    # Pings come often, so that a time-out that goes by the wall clock is seen.
    broker = context.broker(limits={"pingInterval": "1s", "pongTimeout": "1s"})
    environment = context.preload(clock_file=path)
    async with Fleet(broker, context.generator(), result.report, patience=10) as fleet:
        fleet.add_producers(3, direct=True)
        once = fleet.add_once(direct=True) if context.once else None
        fleet.add_subscriber(["all", "count/p0"], direct=True)
        fleet.start()
        await _start(fleet, environment)
        for round_number in range(context.rounds(full=3, short=1)):
            for offset in JUMPS:
                await _jump(fleet, clock, offset, result, seconds=0.5 if context.short else 3)
                if once:
                    await _repeat(fleet, once)
                result.cycles += 1
            # And once from one run to the next.
            await fleet.kill_broker()
            clock.set(JUMPS[round_number % len(JUMPS)])
            await _start(fleet, environment)
            if once:
                await _repeat(fleet, once)
        await fleet.drain()
        await fleet.verify()
        result.notes.append("jumps: +1 h, -1 h, +1 y, -1 y, each and back; seen in the time of messages")


async def _start(fleet: Fleet, environment: dict[str, str]) -> None:
    """Starts the broker and waits until all publishers are connected to it, so that whoever is lost later counts."""
    before = [client.connects for client in fleet.publishers]
    await fleet.start_broker(environment)
    await fleet.until(lambda: all(now.connects > was for now, was in zip(fleet.publishers, before)), 10)


async def _jump(fleet: Fleet, clock: Clock, offset: int, result: Result, seconds: float) -> None:
    """Things have to go on; and the times of messages have to jump, or the shim does nothing."""
    before = [client.connects for client in fleet.publishers]
    clock.set(offset)
    if not await fleet.progress(20, 5):
        result.report.object(f"nothing was acknowledged after the clock jumped to {offset:+} s")
    await asyncio.sleep(seconds)
    seen = fleet.subscribers[0].last_ts or 0
    if abs(seen / 1000 - time.time() - offset) > 60:
        result.report.object(f"the clock jumped to {offset:+} s, and a message has the time {seen}")
    if [client.connects for client in fleet.publishers] != before:
        result.report.object(f"connections were lost when the clock jumped to {offset:+} s")


async def _repeat(fleet: Fleet, once: OncePublisher) -> None:
    """Sends again what was acknowledged within the last seconds: the window of `once` must not have jumped."""
    settled = once.journal.settled
    repeats = once.report.repeats
    once.repeat([settled])
    await fleet.until(lambda: once.report.repeats > repeats, 3)
