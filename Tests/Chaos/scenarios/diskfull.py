"""The disk is full, and then it is not."""
from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

from websockets.asyncio.client import connect

from fleet import Fleet
from scenario import Context, Result, fill, mounted, require_root, require_tools

FULL_SECONDS = 1.5


@dataclass(frozen=True)
class Disk:
    name: str
    mebibytes: int
    store: dict[str, str]


DISKS = [
    # Commits fail with SQLITE_FULL.
    Disk("to the last byte", 32, {"reservedBytes": "0B", "spareBytes": "0B"}),
    # The broker sees it coming, and has a spare file to give up.
    Disk("with a reserve", 64, {"reservedBytes": "8MiB", "spareBytes": "2MiB"}),
]


async def run(context: Context, result: Result) -> None:
    require_root("a full disk")
    require_tools("mount", "umount")
    for number, disk in enumerate(DISKS):
        point = context.folder / f"small{number}"
        with mounted(point, "-t", "tmpfs", "-o", f"size={disk.mebibytes}m", "chaos"):
            broker = context.broker(f"broker{number}", point / "store" / "wsbroker.db", store=disk.store)
            async with Fleet(broker, context.generator(disk.name), result.report) as fleet:
                await _run(fleet, disk, point / "neighbour", context, result)


async def _run(fleet: Fleet, disk: Disk, neighbour: Path, context: Context, result: Result) -> None:
    fleet.proxy.calm = True
    fleet.add_producers(4)
    if context.once:
        fleet.add_once()
    fleet.add_subscriber(["all", "count/p0"])
    await fleet.start_broker()
    fleet.start()
    await fleet.progress(100)
    for _ in range(context.rounds(full=5, short=1)):
        await _fill_and_free(fleet, disk, neighbour, result)
        result.cycles += 1
    await fleet.drain()
    # What is on the disk counts.
    await fleet.kill_broker()
    await fleet.start_broker()
    await fleet.verify()


async def _fill_and_free(fleet: Fleet, disk: Disk, neighbour: Path, result: Result) -> None:
    before, started = _refusals(fleet), time.monotonic()
    await asyncio.to_thread(fill, neighbour)
    # The log may have room left from before, which it takes first.
    is_refused = await fleet.until(lambda: _refusals(fleet) > before or not fleet.broker.is_running, 30)
    rejected = time.monotonic() - started
    if not is_refused or not fleet.broker.is_running:
        result.report.object(f"no publish was refused on a full disk (running: {fleet.broker.is_running})")
    else:
        await _check_that_the_rest_goes_on(fleet, disk, result)
        # Long enough that all publishers are refused, and the broker looks at the disk again.
        await asyncio.sleep(FULL_SECONDS)
    neighbour.unlink()
    freed = time.monotonic()
    if not await fleet.progress(20, 30):
        result.report.object("publishing did not go on when there was room again")
    result.notes.append(
        f"{disk.name}: first refusal after {rejected * 1000:.0f} ms; freed: "
        f"going on after {time.monotonic() - freed:.1f} s"
    )


def _refusals(fleet: Fleet) -> int:
    return sum(publisher.storage_full for publisher in fleet.publishers)


async def _check_that_the_rest_goes_on(fleet: Fleet, disk: Disk, result: Result) -> None:
    """A durable publish is refused with 4203; reading, events and memory topics are served."""
    async with connect(fleet.broker.url, proxy=None, compression=None, close_timeout=0.1) as socket:

        async def ask(**frame: object) -> dict[str, object]:
            await socket.send(json.dumps(frame))
            async with asyncio.timeout(5):
                return json.loads(await socket.recv())

        answer = await ask(op="pub", id=1, topic="bits/p0/refused", data=1)
        if answer.get("code") != 4203 or answer.get("retry") != "later":
            result.report.object(f"a durable publish on a full disk is answered {answer}")
        for frame in (
            {"op": "get", "id": 2, "topic": "all"},
            {"op": "pub", "id": 3, "topic": "mem/p0", "data": 0},
            {"op": "pub", "id": 4, "topic": "plain/p0", "data": 0},
        ):
            answer = await ask(**frame)
            if frame["op"] == "get" and answer.get("retry") == "later":
                # It waited for a commit of somebody else's, and that found no room. Once is bad luck.
                result.notes.append(f"{disk.name}: a read was refused with the publishes that it waited for")
                answer = await ask(**frame)
            if answer["op"] != "ack":
                result.report.object(f"on a full disk {frame} is answered {answer}")
