"""What one publisher knows about each of its publishes."""
from __future__ import annotations

import enum
from collections.abc import Iterator

from plan import Plan


class Verdict(enum.IntEnum):
    UNSENT = 0
    UNKNOWN = 1  # sent, and nobody has said yet what became of it
    ACCEPTED = 2
    REFUSED = 3


class Journal:
    """The verdicts on the publishes 1, 2, 3, ... of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.sent = 0
        """The highest number that was ever sent."""
        self.settled = 0
        """Every number up to it has a verdict."""
        self._verdicts = bytearray(1)

    @property
    def label(self) -> str:
        return self.plan.label

    def verdict(self, seq: int) -> Verdict:
        return Verdict(self._verdicts[seq]) if seq <= self.sent else Verdict.UNSENT

    def send(self, seq: int) -> None:
        """Notes that `seq` goes out, for the first time or again."""
        if seq > self.sent:
            self._verdicts.extend(bytes([Verdict.UNKNOWN]) * (seq - self.sent))
            self.sent = seq

    def settle(self, seq: int, verdict: Verdict) -> None:
        """Notes a verdict. The first one stays: a refusal is told before the ack that covers it."""
        if self._verdicts[seq] == Verdict.UNKNOWN:
            self._verdicts[seq] = verdict
        while self.settled < self.sent and self._verdicts[self.settled + 1] != Verdict.UNKNOWN:
            self.settled += 1

    def unsettled(self, up_to: int | None = None) -> Iterator[int]:
        """The numbers without a verdict, in order."""
        last = self.sent if up_to is None else min(up_to, self.sent)
        return (seq for seq in range(self.settled + 1, last + 1) if self._verdicts[seq] == Verdict.UNKNOWN)

    def count(self, verdict: Verdict) -> int:
        return self._verdicts.count(verdict, 1)
