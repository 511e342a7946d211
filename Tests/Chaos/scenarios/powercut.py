"""The power goes: an ext4 file system forgets all that was not synced to it.

`EXT4_IOC_SHUTDOWN` with NOLOGFLUSH stops the file system at once. What was written and not fsynced is gone at the next
mount, as it is after a power cut. The control runs the broker with an fsync that does nothing. It has to lose, or this
scenario would prove nothing.
"""
from __future__ import annotations

import asyncio
import fcntl
import os
import struct
from contextlib import AbstractContextManager
from pathlib import Path

from fleet import Fleet
from report import Report
from scenario import Context, Result, Skipped, mounted, require_root, require_tools
from scenario import run as run_tool
from supervisor import Broker, BrokerRefused

EXT4_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2
MEBIBYTES = 128
# A small disk would be taken for a full one.
STORE = {"reservedBytes": "0B", "spareBytes": "0B"}
PRODUCERS = 4


async def run(context: Context, result: Result) -> None:
    require_root("a power cut")
    require_tools("mkfs.ext4", "mount", "umount")
    if not Path("/dev/loop-control").exists():
        raise Skipped("a power cut needs loop devices, and there is no /dev/loop-control")
    await _cuts(context, result)
    await _control(context, result)


def _broker(context: Context, name: str) -> Broker:
    path = context.folder / name / "disk" / "store" / "wsbroker.db"
    return context.broker(name, path, store=STORE)


class Disk:
    """An ext4 file system in a file."""

    def __init__(self, folder: Path) -> None:
        self._image = folder / "disk.img"
        self.point = folder / "disk"
        with self._image.open("wb") as image:
            image.truncate(MEBIBYTES << 20)
        run_tool("mkfs.ext4", "-q", "-F", self._image)

    def mounted(self) -> AbstractContextManager[Path]:
        # No commit by itself: only what somebody fsyncs is on the disk.
        return mounted(self.point, "-o", "loop,commit=300", self._image)

    def cut(self) -> None:
        descriptor = os.open(self.point, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        except OSError as error:
            raise Skipped(f"this kernel can not shut a file system down: {error}") from None
        finally:
            os.close(descriptor)


async def _cuts(context: Context, result: Result) -> None:
    """Cuts under load; all clients go on with the store that is left."""
    generator = context.generator("cuts")
    broker = _broker(context, "cuts")
    disk = Disk(broker.folder)
    async with Fleet(broker, generator, result.report) as fleet:
        fleet.proxy.calm = True
        fleet.add_producers(PRODUCERS)
        if context.once:
            fleet.add_once()
        fleet.add_subscriber(["all", "count/p0"])
        fleet.start()
        for _ in range(context.rounds(full=50, short=4)):
            with disk.mounted():
                try:
                    await fleet.start_broker()
                    if not await fleet.progress(generator.randint(1, 200)):
                        result.report.object("no publish was acknowledged after a power cut")
                    await asyncio.sleep(generator.uniform(0, 0.05))
                    disk.cut()
                finally:
                    if broker.is_running:
                        await fleet.kill_broker()
            result.cycles += 1
        with disk.mounted():
            try:
                await fleet.start_broker()
                await fleet.drain()
                await fleet.verify()
            finally:
                if broker.is_running:
                    await fleet.kill_broker()


async def _control(context: Context, result: Result) -> None:
    """One cut under an fsync that lies. Loss has to be found, and told by the broker to its producers."""
    hidden = Report()
    broker = _broker(context, "control")
    disk = Disk(broker.folder)
    async with Fleet(broker, context.generator("control"), hidden) as fleet:
        fleet.proxy.calm = True
        producers = fleet.add_producers(2)
        with disk.mounted():
            # An honest beginning, so that there is a store that can go back.
            await fleet.start_broker()
            fleet.start()
            await fleet.progress(50)
            fleet.proxy.forward_to(None)
            await broker.stop()
        with disk.mounted():
            try:
                await fleet.start_broker(context.preload(fsync_lies=1))
                await fleet.progress(200)
                disk.cut()
            finally:
                if broker.is_running:
                    await fleet.kill_broker()
        with disk.mounted():
            try:
                await _judge_control(fleet, broker, result)
            finally:
                if broker.is_running:
                    await fleet.kill_broker()
    regressed = [producer.name for producer in producers if producer.regressed]
    result.notes.append(
        f"control, with an fsync that does nothing: lost {hidden.lost}, as it has to; "
        f"{len(regressed)} of {len(producers)} producers were told that they have regressed"
    )
    if not hidden.lost:
        result.report.object("the control lost nothing, so these cuts prove nothing")
    elif len(regressed) < len(producers):
        result.report.object("the store has lost acknowledged data, and not all producers were told `regressed`")


async def _judge_control(fleet: Fleet, broker: Broker, result: Result) -> None:
    try:
        await fleet.start_broker()
    except BrokerRefused as refused:
        result.notes.append(f"control: {refused}")
        return
    await fleet.until(lambda: all(p.regressed or p.ended for p in fleet.publishers), 5)
    await fleet.drain()
    await fleet.verify()
