"""The disk is full, and then it is not."""
from __future__ import annotations

import asyncio
import json
import time

from websockets.asyncio.client import connect

from fleet import Fleet
from scenario import Context, Result, fill, mounted, require_root, require_tools

MEBIBYTES = 32


async def run(context: Context, result: Result) -> None:
    require_root("a full disk")
    require_tools("mount", "umount")
    point = context.folder / "small"
    with mounted(point, "-t", "tmpfs", "-o", f"size={MEBIBYTES}m", "chaos"):
        # Without the reserve and the spare file, so that it is the disk that says no, and not the broker before it. The
        # path is overridden by the environment.
        room = {"path": "overridden", "reservedBytes": "0B", "spareBytes": "0B"}
        broker = context.broker("broker", point / "store" / "wsbroker.db", **{"store": room})
        async with Fleet(broker, context.generator(), result.report) as fleet:
            fleet.proxy.calm = True
            fleet.add_producers(4)
            if context.once:
                fleet.add_once()
            fleet.add_subscriber(["all", "count/p0"])
            await fleet.start_broker()
            fleet.start()
            await fleet.progress(100)
            for _ in range(context.rounds(full=5, short=1)):
                await _fill_and_free(fleet, context, result)
                result.cycles += 1
            await fleet.drain()
            await fleet.verify()
            # Once more, from what is on the disk.
            await fleet.kill_broker()
            await fleet.start_broker()
            await fleet.verify()


async def _fill_and_free(fleet: Fleet, context: Context, result: Result) -> None:
    neighbour = context.folder / "small" / "neighbour"
    before, started = _refusals(fleet), time.monotonic()
    await asyncio.to_thread(fill, neighbour)
    # The log may have room left from before, which it takes first.
    is_refused = await fleet.until(lambda: _refusals(fleet) > before or not fleet.broker.is_running, 30)
    rejected = time.monotonic() - started
    if not is_refused or not fleet.broker.is_running:
        result.report.object(f"no publish was refused on a full disk (running: {fleet.broker.is_running})")
    else:
        await _check_that_the_rest_goes_on(fleet, result)
    neighbour.unlink()
    freed = time.monotonic()
    if not await fleet.progress(20, 30):
        result.report.object("publishing did not go on when there was room again")
    result.notes.append(
        f"full: first refusal after {rejected * 1000:.0f} ms; freed: going on after {time.monotonic() - freed:.1f} s"
    )


def _refusals(fleet: Fleet) -> int:
    return sum(publisher.storage_full for publisher in fleet.publishers)


async def _check_that_the_rest_goes_on(fleet: Fleet, result: Result) -> None:
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
            if answer["op"] != "ack":
                result.report.object(f"on a full disk {frame} is answered {answer}")
