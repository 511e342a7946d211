"""A subscriber that takes the broker at its word: what it has shown once stays true."""
from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection

from connection import Client, Frame, Reconnect
from report import Report


class Subscriber(Client):
    """Holds each value against all that it saw before, also across the end of a broker.

    All totals of the plan only grow. So a value that shrinks, or an offset that goes back, was told before it was
    committed. What is not stored (memory topics) may go back and is left out.
    """

    def __init__(
        self,
        name: str,
        url: Callable[[], str],
        generator: random.Random,
        report: Report,
        filters: list[str],
        patience: float = 2,
    ) -> None:
        super().__init__(name, url, generator, report, patience)
        self.seen: dict[str, tuple[int, Any]] = {}
        """The newest offset and value of each topic."""
        self.frames = 0
        self.last_ts: int | None = None
        """The time of the last message."""
        self._filters = filters
        self._unanswered: set[int] = set()
        self._epochs: dict[str, str] = {}

    def is_owed_an_answer(self) -> bool:
        return bool(self._unanswered)

    async def serve(self, socket: ClientConnection) -> None:
        self._unanswered = set(range(len(self._filters)))
        for number, name in enumerate(self._filters):
            await socket.send(json.dumps({"op": "sub", "id": number, "topic": name}))
        while True:
            self._received(await self.receive(socket))

    def _received(self, frame: Frame) -> None:
        match frame["op"]:
            case "ack":
                self._unanswered.discard(frame["id"])
                if "epoch" in frame:
                    self._check_epoch(frame["topic"], frame["epoch"])
                if "data" in frame:
                    self._saw(frame)
            case "msg":
                self.last_ts = frame["ts"]
                self._saw(frame)
            case "err" if frame["retry"] != "no":
                raise Reconnect
            case "err":
                self.report.object(f"the subscriber {self.name} got {frame}")

    def _check_epoch(self, topic: str, epoch: str) -> None:
        if self._epochs.setdefault(topic, epoch) != epoch and topic in self.seen:
            self.report.lose(f"{topic} is in another life than before: {self._epochs[topic]}, {epoch}")

    def _saw(self, frame: Frame) -> None:
        self.frames += 1
        topic, offset, value = frame["topic"], frame["offset"], frame["data"]
        before = self.seen.get(topic)
        self.seen[topic] = (offset, value)
        if before is None:
            return
        text = f"{self.name} saw {topic} at {before}, and later at {(offset, value)}"
        if offset < before[0] or (isinstance(value, int) and value < before[1]):
            self.report.object(f"{text}: it was taken back")
        elif offset == before[0] and value != before[1]:
            self.report.object(f"{text}: the same offset with two values")
