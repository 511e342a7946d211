"""The figures and the findings of one scenario."""
from __future__ import annotations

from dataclasses import dataclass, field

SHOWN = 3  # of each class: the first ones and the last ones; one bug makes hundreds


@dataclass
class Report:
    """Counts by class, and a sentence for each thing that must not be."""

    acked: int = 0
    lost: int = 0
    duplicate: int = 0
    phantom: int = 0
    other: int = 0
    """Breaches of the protocol that are none of the three."""
    recovered: int = 0
    """Unknown at a lost connection, and the broker had it."""
    resent: int = 0
    """Unknown at a lost connection, and the broker did not have it."""
    repeats: int = 0
    """Duplicates that the broker recognized."""
    put_off: int = 0
    """Refused for now (`retry` is `later`): the client goes back and sends it again."""
    reconnects: int = 0
    findings: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        return bool(self.lost or self.duplicate or self.phantom or self.other)

    def lose(self, text: str, count: int = 1) -> None:
        self.lost += count
        self.findings.append(f"lost: {text}")

    def duplicated(self, text: str, count: int = 1) -> None:
        self.duplicate += count
        self.findings.append(f"duplicate: {text}")

    def imagined(self, text: str, count: int = 1) -> None:
        self.phantom += count
        self.findings.append(f"phantom: {text}")

    def object(self, text: str) -> None:
        self.other += 1
        self.findings.append(f"breach: {text}")

    def differs(self, text: str, found: int, expected: int) -> None:
        """A number that is not what it has to be: too little is lost, too much is a duplicate."""
        text = f"{text} is {found} and has to be {expected}"
        if found < expected:
            self.lose(text, expected - found)
        elif found > expected:
            self.duplicated(text, found - expected)

    def figures(self) -> str:
        resolved = self.recovered + self.resent
        return (
            f"acked {self.acked}  lost {self.lost}  duplicate {self.duplicate}  phantom {self.phantom}"
            f"  unknown-resolved {resolved} (recovered {self.recovered}, resent {self.resent})"
            f"  repeats {self.repeats}  put off {self.put_off}  reconnects {self.reconnects}"
        )

    def shown(self) -> list[str]:
        """A choice of the findings, with all classes in it."""
        classes: dict[str, list[str]] = {}
        for finding in self.findings:
            classes.setdefault(finding.partition(":")[0], []).append(finding)
        lines: list[str] = []
        for name, found in classes.items():
            rest = len(found) - 2 * SHOWN
            lines += found if rest <= 0 else [*found[:SHOWN], f"{name}: ... and {rest} more ...", *found[-SHOWN:]]
        return lines
