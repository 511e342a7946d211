"""What a check is: a number of the catalogue, a sentence, and a function that says what did not hold."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from target import Target


class Failed(Exception):
    """What did not hold, in words."""


@dataclass(frozen=True)
class Check:
    number: str
    sentence: str
    run: Callable[[Target], None]


class Checks(list[Check]):
    """A list that functions put themselves into."""

    def add(self, number: str, sentence: str) -> Callable[[Callable[[Target], None]], Callable[[Target], None]]:
        def put(function: Callable[[Target], None]) -> Callable[[Target], None]:
            self.append(Check(number, sentence, function))
            return function
        return put


def expect(holds: bool, otherwise: object) -> None:
    if not holds:
        raise Failed(str(otherwise)[:300])


def expect_equal(found: object, wanted: object, where: str = "") -> None:
    expect(found == wanted, f"{where}{': ' if where else ''}wanted {wanted!r}, found {found!r}")
