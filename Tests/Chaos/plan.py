"""What a publisher sends, number by number, and what that has to come to.

The content of a publish follows from its label and number alone. So a resend is the same to the byte, and the checker
knows what must be stored without having to remember what was sent.

A counted publish adds a digit of its own, 8**i, to a topic that takes forty of them. The octal digits of the total
then say how often each single publish was counted: 0 is lost, 1 is right, more is a duplicate.
"""
from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

BASE = 8
DIGITS = 40  # 8**40 is below the bound of "number":"int", 1.7e38
IDS = 25  # keys per label in the view `ids/{key}`

TOPICS: list[dict[str, Any]] = [
    {"topic": "bits/+/+", "aggregate": "sum", "number": "int"},
    {"topic": "mem/+", "aggregate": "sum", "durability": "memory"},
    {"topic": "count/+", "from": "bits/+/+", "aggregate": "count"},
    {"topic": "all", "from": "bits/+/+", "aggregate": "count"},
    {"topic": "ids/{key}", "from": "ev/+", "key": "/id", "value": "/n", "aggregate": "sum", "number": "int"},
]


class Kind(enum.Enum):
    COUNT = "count"  # adds a digit
    EVENT = "event"  # unretained, counted by a view per key
    MEMORY = "memory"  # its value dies with the broker, its number does not
    RETAINED = "retained"
    BAD = "bad"  # has to be refused, each time it comes


@dataclass(frozen=True)
class Publish:
    kind: Kind
    topic: str
    data: Any
    rank: int
    """How many publishes of this kind come before it."""


def digit_of(rank: int) -> tuple[int, int]:
    """The topic's number and the digit that the counted publish of this rank has for itself."""
    return divmod(rank, DIGITS)


def counted(label: str, rank: int) -> Publish:
    block, digit = digit_of(rank)
    return Publish(Kind.COUNT, f"bits/{label}/{block}", BASE**digit, rank)


class CountPlan:
    """Counted publishes only."""

    def __init__(self, label: str) -> None:
        self.label = label

    def publish(self, seq: int) -> Publish:
        return counted(self.label, seq - 1)

    def seq_of_count(self, rank: int) -> int:
        return rank + 1


class MixedPlan:
    """All kinds in turn, six of ten of them counted."""

    _COUNTED = (1, 2, 4, 6, 8, 9)

    def __init__(self, label: str) -> None:
        self.label = label

    def publish(self, seq: int) -> Publish:
        tens, place = divmod(seq, 10)
        label = self.label
        match place:
            case 0:
                # By turns: a value that is none, and a topic that is none.
                topic = f"bits/{label}/bad" if tens % 2 else f"bits//{label}"
                return Publish(Kind.BAD, topic, "six", tens - 1)
            case 3:
                return Publish(Kind.EVENT, f"ev/{label}", {"id": f"{label}-{tens % IDS}", "n": 1}, tens)
            case 5:
                return Publish(Kind.MEMORY, f"mem/{label}", 1, tens)
            case 7:
                return Publish(Kind.RETAINED, f"ret/{label}", {"seq": seq}, tens)
            case _:
                return counted(label, tens * len(self._COUNTED) + self._COUNTED.index(place))

    def seq_of_count(self, rank: int) -> int:
        tens, index = divmod(rank, len(self._COUNTED))
        return tens * 10 + self._COUNTED[index]


Plan = CountPlan | MixedPlan


def running_total(digit: int) -> int:
    """The total of a topic after the digits 0...digit, each counted once."""
    return (BASE ** (digit + 1) - 1) // (BASE - 1)


def multiplicities(total: int) -> list[int]:
    """How often each digit of a total was counted, the first digit first."""
    found: list[int] = []
    while total:
        total, digit = divmod(total, BASE)
        found.append(digit)
    return found
