"""The load: producers, a publisher with `once`, subscribers, and a proxy before them."""
from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from checker import Snapshot, check, take_snapshot
from client import OncePublisher, Producer, Publisher, once_journal, producer_journal
from journal import Journal
from proxy import Proxy
from report import Report
from subscriber import Subscriber
from supervisor import Broker

DRAIN_SECONDS = 60


class Fleet:
    """Clients of one broker, some through a proxy that hurts them and some past it."""

    def __init__(self, broker: Broker, generator: random.Random, report: Report, patience: float = 2) -> None:
        self.broker = broker
        self.random = generator
        self.report = report
        self.patience = patience
        self.proxy = Proxy(random.Random(generator.random()))
        self.publishers: list[Publisher] = []
        self.subscribers: list[Subscriber] = []
        self.journals: list[Journal] = []
        """Of publishers that are not run here."""

    # MARK: Making it up

    def add_producers(self, count: int, rate: float = 150, direct: bool = False, prefix: str = "p") -> list[Producer]:
        added = [
            Producer(
                producer_journal(f"{prefix}{number}"), self._way(direct), self._fork(), self.report, rate, self.patience
            )
            for number in range(count)
        ]
        self.publishers += added
        return added

    def add_once(self, rate: float = 60, direct: bool = False) -> OncePublisher:
        journal = once_journal(f"once{len(self.publishers)}")
        once = OncePublisher(journal, self._way(direct), self._fork(), self.report, rate, self.patience)
        self.publishers.append(once)
        return once

    def add_subscriber(self, filters: list[str], direct: bool = False) -> Subscriber:
        name = f"s{len(self.subscribers)}"
        subscriber = Subscriber(name, self._way(direct), self._fork(), self.report, filters, self.patience)
        self.subscribers.append(subscriber)
        return subscriber

    def _way(self, direct: bool) -> Callable[[], str]:
        if not direct:
            return lambda: self.proxy.url
        # Port 9, where nobody listens, while there is no broker.
        return lambda: self.broker.url if self.broker.port else "ws://127.0.0.1:9"

    def _fork(self) -> random.Random:
        return random.Random(self.random.random())

    # MARK: Running it

    async def __aenter__(self) -> Fleet:
        await self.proxy.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        for client in [*self.publishers, *self.subscribers]:
            await client.stop()
        await self.proxy.stop()
        if self.broker.is_running:
            await self.broker.kill()

    def start(self) -> None:
        for client in [*self.publishers, *self.subscribers]:
            client.start()

    async def start_broker(self, environment: dict[str, str] | None = None) -> None:
        await self.broker.start(environment)
        self.proxy.forward_to(self.broker.port)

    async def kill_broker(self) -> int:
        self.proxy.forward_to(None)
        return await self.broker.kill()

    @property
    def acknowledged(self) -> int:
        return sum(publisher.journal.settled for publisher in self.publishers)

    async def progress(self, publishes: int, seconds: float = 20) -> bool:
        """Waits until so many more publishes have a verdict."""
        goal = self.acknowledged + publishes
        return await self.until(lambda: self.acknowledged >= goal, seconds)

    async def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Waits for a condition; whether it came true in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            for client in [*self.publishers, *self.subscribers]:
                client.check_alive()
            await asyncio.sleep(0.01)
        return True

    async def drain(self) -> None:
        """Lets all publishers come to an end: nothing new, and a verdict on everything."""
        self.proxy.calm = True
        for publisher in self.publishers:
            publisher.finishing = True
        await self.until(lambda: not self._unfinished(), DRAIN_SECONDS)
        for publisher in self._unfinished():
            journal = publisher.journal
            self.report.object(f"{publisher.name} has verdicts up to {journal.settled} and sent {journal.sent}")
        for publisher in self.publishers:
            if publisher.ended:
                self.report.object(f"{publisher.name} was ended by the broker: {publisher.ended}")

    def _unfinished(self) -> list[Publisher]:
        return [publisher for publisher in self.publishers if not publisher.is_done and publisher.ended is None]

    async def verify(self) -> None:
        """Checks the store against all journals, and that each subscriber has the newest values."""
        snapshot = await take_snapshot(self.broker.url)
        check([*(publisher.journal for publisher in self.publishers), *self.journals], snapshot, self.report)
        await self.until(lambda: not any(_behind(one, snapshot) for one in self.subscribers), 5)
        for subscriber in self.subscribers:
            if behind := _behind(subscriber, snapshot):
                self.report.object(f"the subscriber {subscriber.name} is behind what is stored: {behind[:3]}")


def _behind(subscriber: Subscriber, snapshot: Snapshot) -> list[tuple[str, object, object]]:
    """Topics of which the newest value has not come: what was seen last, and what is stored."""
    stored = snapshot.values
    return [(topic, seen, stored.get(topic)) for topic, seen in subscriber.seen.items() if stored.get(topic) != seen]
