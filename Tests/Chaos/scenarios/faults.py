"""The n-th write or fsync on the store fails, for n = 1, 2, 3, ... until a run has no failure left to meet.

SQLite's own loop, from outside. A fault may end the broker or its start, and must not lose, repeat or invent anything.
"""
from __future__ import annotations

import asyncio
import errno
import json
import shutil
import signal
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field

from websockets.asyncio.client import connect

from fleet import Fleet
from report import Report
from scenario import Context, Result
from supervisor import Broker, BrokerRefused

STORAGE_FAILED = 74
BROKEN = "broken before"
"""The outcome of an attempt that an earlier one has spoilt: the loop is over."""

EXIT_SECONDS = 15
"""The broker's grace after a storage failure is 10 s."""


@dataclass
class Loop:
    """One series of n."""

    name: str
    error: int
    publishes: int
    """Of each producer."""
    is_fresh: bool
    """Whether each n gets a store of its own. Otherwise all go on with one, killed each time: faults in recovery."""
    rate: int = 2000
    suffix: str | None = None
    """Faults only on files that end so."""
    stride: int = 1
    sticky: bool = False
    outcomes: Counter[str] = field(default_factory=Counter)
    first: int = 1


def _loops(context: Context) -> list[Loop]:
    if context.short:
        # A few n each, others with another seed.
        generator = context.generator("n")
        return [
            Loop("new store, EIO", errno.EIO, 20, is_fresh=True, stride=9, first=generator.randint(1, 9)),
            Loop("recovery, EIO", errno.EIO, 20, is_fresh=False, stride=7, first=generator.randint(1, 7)),
        ]
    return [
        Loop("new store, EIO", errno.EIO, 30, is_fresh=True),
        Loop("new store, EIO from n on", errno.EIO, 30, is_fresh=True, sticky=True),
        Loop("new store, ENOSPC", errno.ENOSPC, 30, is_fresh=True),
        Loop("recovery, EIO", errno.EIO, 30, is_fresh=False),
        # Commits enough for a checkpoint in running, and faults on the file that it writes to.
        Loop("checkpoint, EIO", errno.EIO, 700, is_fresh=True, rate=600, suffix=".db"),
    ]


async def run(context: Context, result: Result) -> None:
    for number, loop in enumerate(_loops(context)):
        await _run_loop(context, loop, number, result)


async def _run_loop(context: Context, loop: Loop, number: int, result: Result) -> None:
    generator = context.generator(loop.name)
    # Once a loop; it takes the broker's grace, which the short form has no time for.
    waits_for_exit = not context.short
    nth, clean = loop.first, False
    case: Case | None = None
    while not clean and (context.cycles is None or nth < loop.first + context.cycles * loop.stride):
        name = f"{number}-{nth}"
        if case is None or loop.is_fresh:
            if case:
                await case.close()
            case = Case(context, loop, name, result, Fleet(context.broker(name), generator, result.report))
            await case.open()
        outcome = await case.attempt(nth, waits_for_exit)
        waits_for_exit = waits_for_exit and outcome != "stopped storage"
        loop.outcomes[outcome] += 1
        clean = outcome in ("no fault", BROKEN)
        result.cycles += 1
        nth += loop.stride
    if case:
        await case.close()
    outcomes = ", ".join(f"{text} {count}" for text, count in loop.outcomes.items())
    result.notes.append(f"{loop.name}: n up to {nth - loop.stride}; {outcomes}")


class Case:
    """A store, its producers, and the faults that they meet."""

    def __init__(self, context: Context, loop: Loop, name: str, result: Result, fleet: Fleet) -> None:
        self._context = context
        self._loop = loop
        self._result = result
        self._fleet = fleet
        self._fired = fleet.broker.folder / "fault.txt"
        self._attempts = 0

    @property
    def _report(self) -> Report:
        return self._result.report

    @property
    def _broker(self) -> Broker:
        return self._fleet.broker

    @property
    def _unknowns(self) -> int:
        return sum(publisher.storage_unknown for publisher in self._fleet.publishers)

    @property
    def _is_done(self) -> bool:
        return all(publisher.is_done for publisher in self._fleet.publishers)

    async def open(self) -> None:
        await self._fleet.__aenter__()
        self._fleet.proxy.calm = True
        for producer in self._fleet.add_producers(2, rate=self._loop.rate):
            producer.limit = 0
            producer.keeps_going_back = False
        self._fleet.add_subscriber(["all"], direct=True)
        if not self._loop.is_fresh:
            # There has to be something to recover.
            await self._broker.start()
            await self._broker.kill()
        self._fleet.start()

    async def close(self) -> None:
        """The last check: a start without faults, a verdict on everything, exact sums."""
        fleet = self._fleet
        findings = len(self._report.findings)
        where = f"loop '{self._loop.name}', {fleet.broker.folder.name}"
        try:
            await fleet.start_broker()
            await fleet.drain()
            await fleet.verify()
        except BrokerRefused as refused:
            self._report.object(f"{where}, after the fault {self._call()}: {refused}")
        await fleet.__aexit__()
        found = self._report.findings
        if len(found) == findings:
            shutil.rmtree(fleet.broker.folder)
        found[findings:] = [text if where in text else f"{text} ({where})" for text in found[findings:]]

    async def attempt(self, nth: int, waits_for_exit: bool) -> str:
        """One run with a fault at n; says what the broker did about it. Afterwards it runs no more."""
        self._attempts += 1
        self._fired.unlink(missing_ok=True)
        loop, fleet = self._loop, self._fleet
        environment = self._context.preload(
            fault_folder=self._broker.store.parent,
            fault_nth=nth,
            fault_errno=loop.error,
            fault_suffix=loop.suffix,
            fault_report=self._fired,
            fault_sticky=1 if loop.sticky else None,
        )
        try:
            await fleet.start_broker(environment)
        except BrokerRefused as refused:
            return self._judge_refusal(refused, nth)
        for publisher in fleet.publishers:
            publisher.limit = loop.publishes * self._attempts
        before = self._unknowns
        await fleet.until(lambda: self._is_done or self._unknowns > before or not self._broker.is_running, 30)
        if self._unknowns > before:
            return await self._judge_storage_failure(nth, waits_for_exit)
        if not self._is_done:
            self._report.object(f"n = {nth} ({self._call()}): neither acks nor storage_unknown came")
        return await self._end(nth)

    def _call(self) -> str:
        return self._fired.read_text().splitlines()[0] if self._fired.exists() else "no fault"

    def _judge_refusal(self, refused: BrokerRefused, nth: int) -> str:
        call = self._call()
        if not self._fired.exists():
            self._report.object(f"n = {nth}: without a fault, {refused}")
            return BROKEN
        if refused.status != STORAGE_FAILED:
            self._report.object(f"n = {nth} ({call}), not status 74: {refused}")
        elif str(self._broker.store) not in refused.text:
            self._report.object(f"n = {nth} ({call}): the message does not name the store: {refused}")
        return "refused to start"

    async def _judge_storage_failure(self, nth: int, waits_for_exit: bool) -> str:
        """It has answered 4204. It goes on with what it knows for some seconds, is not ready, and ends with 74."""
        where = f"n = {nth} ({self._call()})"
        if not await self._fleet.until(self._is_not_ready, 2):
            self._report.object(f"{where}: /readyz is not 503 after storage_unknown")
        if not await _answers(self._broker.url):
            self._report.object(f"{where}: a get is not answered after storage_unknown")
        self._fleet.proxy.forward_to(None)
        if waits_for_exit:
            status = await self._broker.ended(EXIT_SECONDS)
            if status != STORAGE_FAILED:
                self._report.object(f"{where}: exit status {status} after storage_unknown, not 74")
        else:
            await self._broker.kill()
        return "stopped storage"

    def _is_not_ready(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self._broker.admin_port}/readyz", timeout=2)
        except urllib.error.HTTPError as error:
            return error.code == 503
        except OSError:
            return False
        return False

    async def _end(self, nth: int) -> str:
        """Nothing went wrong under load. The end may still meet the fault: of a new store a clean one."""
        self._fleet.proxy.forward_to(None)
        under_load = self._fired.exists()
        if self._loop.is_fresh:
            self._broker.signal(signal.SIGTERM)
            status = await self._broker.ended()
            if status not in (0, STORAGE_FAILED):
                self._report.object(f"n = {nth} ({self._call()}): exit status {status} after SIGTERM")
        else:
            await self._broker.kill()
        if under_load:
            return "went on"
        return "met it in its end" if self._fired.exists() else "no fault"


async def _answers(url: str) -> bool:
    """Whether a read is served; what it reads is checked by the subscriber."""
    try:
        async with asyncio.timeout(3), connect(url, proxy=None, compression=None, close_timeout=0.1) as socket:
            await socket.send('{"op":"get","id":1,"topic":"all"}')
            return json.loads(await socket.recv()).get("id") == 1
    except (TimeoutError, OSError):
        return False
