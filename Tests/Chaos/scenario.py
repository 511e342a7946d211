"""What every scenario is given, and what it gives back."""
from __future__ import annotations

import contextlib
import errno
import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from report import Report
from supervisor import Broker


class Skipped(Exception):
    """This machine can not do it. The text says what is missing."""


@dataclass
class Context:
    program: Path
    folder: Path
    """A folder of the scenario's own."""
    shim: Path
    """The library of shim.c."""
    seed: str
    short: bool
    cycles: int | None
    once: bool
    """Whether to publish with `once` too."""

    def generator(self, purpose: str = "") -> random.Random:
        return random.Random(f"{self.seed} {purpose}")

    def rounds(self, full: int, short: int) -> int:
        return self.cycles or (short if self.short else full)

    def broker(self, name: str = "broker", path: Path | None = None, **settings: Any) -> Broker:
        """A broker with a folder of its own; `path` is that of its store, if it is to be elsewhere."""
        folder = self.folder / name
        folder.mkdir(parents=True)
        return Broker(self.program, folder, path, **settings)

    def preload(self, **variables: object) -> dict[str, str]:
        """The environment of a broker with the shim; `fault_nth=3` sets `CHAOS_FAULT_NTH`."""
        chosen = {f"CHAOS_{name.upper()}": str(value) for name, value in variables.items() if value is not None}
        return {"LD_PRELOAD": str(self.shim), **chosen}


@dataclass
class Result:
    """One line of output, and what is behind it."""

    report: Report = field(default_factory=Report)
    cycles: int = 0
    notes: list[str] = field(default_factory=list)
    """More figures: a line each, below the summary."""
    started: float = field(default_factory=time.monotonic)

    def line(self) -> str:
        seconds = time.monotonic() - self.started
        return f"cycles {self.cycles}  {self.report.figures()}  {seconds:.1f} s"


def require_root(what: str) -> None:
    if os.geteuid() != 0:
        raise Skipped(f"{what} needs root")


def require_tools(*names: str) -> None:
    if missing := [name for name in names if not shutil.which(name)]:
        raise Skipped(f"{' and '.join(missing)} not found")


def run(*command: str | Path) -> None:
    """Runs a tool, and says what it said if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr.strip()}")


@contextlib.contextmanager
def mounted(point: Path, *arguments: str | Path) -> Iterator[Path]:
    """A file system for the length of a block. A container often may not mount: that is a reason to skip."""
    point.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *arguments, point], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise Skipped(f"no permission to mount: {done.stderr.strip().splitlines()[0]}")
    try:
        yield point
    finally:
        run("umount", point)


def fill(path: Path) -> int:
    """Takes all the room that a file system has left; returns how many bytes that was."""
    taken = 0
    with path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            chunk = bytes(size)
            while True:
                try:
                    taken += file.write(chunk)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    break
    return taken
