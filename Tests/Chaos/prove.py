#!/usr/bin/env python3
"""Tries the checkers on a broker that is wrong: each bug of model_broker.py has to be found, and no other.

    Tests/Chaos/prove.py [bug ...]

Prints a line for each bug with what found it, and ends with 1 if one got through, or if the model without a bug does
not pass.
"""
from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRIES = 3
"""Some bugs need a kill at the right moment, so each gets as many seeds."""


@dataclass(frozen=True)
class Case:
    bug: str
    scenario: str
    finds: str
    """A pattern that one of the findings has to match."""
    options: tuple[str, ...] = ("--short",)


CASES = [
    Case("ack-early", "kill", r"lost: p\d seq \d+ .*acknowledged, not counted"),
    Case("dedupe-late", "kill", r"duplicate: \w+ seq \d+ .*counted 2 times"),
    Case("dedupe-never", "kill", r"duplicate: \w+ seq \d+ .*counted [2-9] times"),
    Case("drop-le-last", "kill", r"lost: p\d seq \d+ .*acknowledged, not counted"),
    Case("tell-early", "kill", r"breach: .*taken back"),
    Case("view-late", "kill", r"(lost|duplicate): the view"),
    Case("invent", "kill", r"phantom: \w+ seq \d+ .*unsent, counted"),
    Case("ack-early", "powercut", r"lost: p\d seq \d+ .*acknowledged, not counted"),
    Case("silent-regress", "powercut", r"breach: .*not all producers were told"),
    Case("deaf", "faults", r"(lost: |breach: .*storage_unknown)"),
    Case("deaf", "diskfull", r"(lost: |breach: no publish was refused)"),
    Case("wall-clock", "clock", r"duplicate: once\d+ once"),
    Case("zombie", "pause", r"(lost|duplicate|phantom): "),
]


def chaos(bug: str, scenario: str, seed: str, options: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, HERE / "chaos.py", "--broker", HERE / "model_broker.py", "--seed", seed]
    # What is found here is wanted, so nothing of it is kept.
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "CHAOS_MODEL_BUG": bug, "TMPDIR": folder}
        return subprocess.run(
            [*command, *options, scenario], env=environment, capture_output=True, text=True, timeout=300, check=False
        )


def is_found(case: Case) -> bool:
    for attempt in range(1, TRIES + 1):
        done = chaos(case.bug, case.scenario, f"prove-{attempt}", case.options)
        found = [line.strip() for line in done.stdout.splitlines() if re.search(case.finds, line)]
        if done.returncode == 1 and found:
            print(f"{case.bug:15} {case.scenario:9} found with seed {attempt}: {found[0][:100]}", flush=True)
            return True
    print(f"{case.bug:15} {case.scenario:9} NOT FOUND; last output:\n{done.stdout}{done.stderr}", flush=True)
    return False


def passes_without(scenario: str) -> bool:
    done = chaos("", scenario, "prove", ("--short",))
    print(f"{'no bug':15} {scenario:9} {'passes' if done.returncode == 0 else 'FAILED: ' + done.stdout}", flush=True)
    return done.returncode == 0


def main() -> None:
    cases = [case for case in CASES if len(sys.argv) == 1 or case.bug in sys.argv[1:]]
    results = [passes_without(scenario) for scenario in dict.fromkeys(case.scenario for case in cases)]
    results += [is_found(case) for case in cases]
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
