"""kill -9 at random moments, under load, through a proxy that hurts connections."""
from __future__ import annotations

import asyncio
import math
import random
import shutil

from fleet import Fleet
from scenario import Context, Result
from supervisor import BrokerRefused

PRODUCERS = 8


async def run(context: Context, result: Result) -> None:
    generator = context.generator()
    await _births(context, generator, result)
    # Low enough that a client that resends runs into it, and has to go back.
    broker = context.broker(limits={"publishesPerSecond": 250, "publishBurst": 30})
    async with Fleet(broker, generator, result.report) as fleet:
        fleet.add_producers(PRODUCERS)
        if context.once:
            fleet.add_once()
        fleet.add_subscriber(["all", "count/p0", "bits/p0/+"])
        fleet.add_subscriber(["all", "count/p1", "count/+"], direct=True)
        # In peace until all have an epoch: a first hello whose welcome is lost draws another one.
        fleet.proxy.calm = True
        await fleet.start_broker()
        fleet.start()
        if not await fleet.progress(10 * PRODUCERS):
            result.report.object("no publish was acknowledged before the first kill")
            return
        fleet.proxy.calm = False
        result.cycles = context.rounds(full=200, short=20)
        early = 0
        for _ in range(result.cycles):
            early += await _cycle(fleet, generator, result)
        await fleet.drain()
        await fleet.verify()
        result.notes.append(
            f"kills before it listened: {early}; connections hurt: {fleet.proxy.harms}; values seen by subscribers: "
            f"{sum(subscriber.frames for subscriber in fleet.subscribers)}; "
            f"0 in {result.cycles} cycles means less than {300 / result.cycles:.1f} % at 95 %"
        )


async def _births(context: Context, generator: random.Random, result: Result) -> None:
    """Kills in the first start, while the store is being made: the next start has to make something of it."""
    count = context.rounds(full=60, short=12)
    for number in range(count):
        broker = context.broker(f"birth{number}")
        await broker.spawn()
        # Until the first file is there, so that all kills fall into the making.
        while not broker.store.exists() and broker.is_running:
            await asyncio.sleep(0.0005)
        await asyncio.sleep(generator.uniform(0, 0.03))
        await broker.kill()
        try:
            await broker.start()
            await broker.kill()
            shutil.rmtree(broker.folder)
        except BrokerRefused as refused:
            result.report.object(f"killed while it made its store, {broker.store}; after that, {refused}")
    result.notes.append(f"kills while the store was made: {count}")


async def _cycle(fleet: Fleet, generator: random.Random, result: Result) -> bool:
    """Kills the broker that runs and starts the next one. Returns whether one more was killed in between."""
    # From 5 to 500 ms, each octave as likely as the others: most bugs are in the short ones.
    await asyncio.sleep(0.005 * math.exp(generator.uniform(0, math.log(100))))
    status = await fleet.kill_broker()
    if status != -9:
        result.report.object(f"the broker had ended by itself, with status {status}")
    killed_early = generator.random() < 0.15
    if killed_early:
        # In the middle of recovery.
        await fleet.broker.spawn()
        await asyncio.sleep(generator.uniform(0, 0.2))
        await fleet.broker.kill()
    try:
        await fleet.start_broker()
    except BrokerRefused as refused:
        result.report.object(f"after kill -9: {refused}")
        raise
    return killed_early
