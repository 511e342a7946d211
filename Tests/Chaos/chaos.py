#!/usr/bin/env python3
"""Kills, cuts, fills, freezes and confuses a broker, and counts afterwards.

    Tests/Chaos/chaos.py [--short] [kill powercut faults diskfull clock pause]

Ends with 1 if a publish was lost, counted twice or invented, or the protocol was broken. README.md says how to read
the output.
"""
from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TOOLS = ROOT / ".build" / "chaos-tools"
SCENARIOS = ["kill", "powercut", "faults", "diskfull", "clock", "pause"]


def ensure_websockets() -> None:
    """Goes on in an environment of our own where the package is missing."""
    if importlib.util.find_spec("websockets"):
        return
    python = TOOLS / "bin" / "python3"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", TOOLS], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "websockets>=14,<18"], check=True)
    os.execv(python, [str(python), *sys.argv])


def default_broker() -> Path:
    builds = [ROOT / ".build" / build / "wsbroker" for build in ("release", "debug")]
    return next((path for path in builds if path.exists()), builds[0])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=f"of {', '.join(SCENARIOS)}; all by default")
    parser.add_argument("--short", action="store_true", help="all scenarios within about a minute, for CI")
    parser.add_argument("--cycles", type=int, help="rounds of each scenario, instead of its own number")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="repeats the same choices (not the same timing)")
    parser.add_argument("--broker", type=Path, default=default_broker(), help="the program; a .py is run by Python")
    parser.add_argument("--no-once", dest="once", action="store_false", help="without publishes that carry `once`")
    parser.add_argument("--keep", action="store_true", help="keep stores and logs even if nothing was found")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.scenarios if name not in SCENARIOS]:
        parser.error(f"no scenario {' '.join(unknown)}; there are {' '.join(SCENARIOS)}")
    if not arguments.broker.exists():
        parser.error(f"{arguments.broker} is missing; build it with: make release")
    return arguments


def again(arguments: argparse.Namespace, name: str) -> str:
    """The command that runs a scenario once more with the same choices."""
    options = ["--short"] if arguments.short else []
    options += ["--cycles", str(arguments.cycles)] if arguments.cycles else []
    options += [] if arguments.once else ["--no-once"]
    options += ["--seed", arguments.seed, "--broker", str(arguments.broker)]
    return " ".join(["python3", os.path.relpath(__file__), *options, name])


async def run_scenario(name: str, arguments: argparse.Namespace, folder: Path) -> bool:
    """Runs one and prints what came of it; whether nothing was found."""
    from scenario import Context, Result, Skipped
    from supervisor import build_shim

    module = importlib.import_module(f"scenarios.{name}")
    own = folder / name
    own.mkdir()
    context = Context(
        program=arguments.broker.resolve(), folder=own, shim=build_shim(folder), seed=arguments.seed,
        short=arguments.short, cycles=arguments.cycles, once=arguments.once,
    )
    result = Result()
    try:
        await module.run(context, result)
    except Skipped as reason:
        print(f"{name:9} skipped: {reason}", flush=True)
        return True
    except Exception as error:
        # Whatever it was, the other scenarios and the command to repeat this one are worth having.
        result.report.object(f"the scenario ended early: {type(error).__name__}: {error}")
    failed = result.report.failed
    print(f"{name:9} {'FAILED' if failed else 'ok'}  {result.line()}", flush=True)
    for note in result.notes:
        print(f"          {note}")
    if failed:
        for finding in result.report.shown():
            print(f"    {finding}")
        (own / "findings.txt").write_text("\n".join(result.report.findings))
        print(f"    all findings, stores and logs: {own}\n    again: {again(arguments, name)}", flush=True)
    elif not arguments.keep:
        shutil.rmtree(own)
    return not failed


async def run_all(arguments: argparse.Namespace) -> int:
    # So that file systems are unmounted and brokers ended also when a time limit of CI ends this.
    task = asyncio.current_task()
    assert task
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    folder = Path(tempfile.mkdtemp(prefix="wsbroker-chaos-"))
    print(f"chaos: seed {arguments.seed}, broker {arguments.broker}", flush=True)
    verdicts = [await run_scenario(name, arguments, folder) for name in arguments.scenarios or SCENARIOS]
    if all(verdicts) and not arguments.keep:
        shutil.rmtree(folder)
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    ensure_websockets()
    sys.path.insert(0, str(HERE))
    try:
        sys.exit(asyncio.run(run_all(parse())))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("chaos: ended by a signal")
