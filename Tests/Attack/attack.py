#!/usr/bin/env python3
"""Attacks a running broker in every way that brokers were attacked before.

    Tests/Attack/attack.py [--broker FILE] [TEXT ...]

With TEXT, only the checks with it in their number or sentence. Ends with 1 if one does not hold, if the broker ends, or
if its memory grows. README.md says what is tried.
"""
from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(HERE))

import authentication  # noqa: E402
import handshake  # noqa: E402
import rights  # noqa: E402
import use_up  # noqa: E402
import weaknesses  # noqa: E402
from check import Check, Failed  # noqa: E402
from target import Target  # noqa: E402
from wire import Client  # noqa: E402

# What the process may grow by, from after its start to the end: buffers, topics and tables that stay.
# The attacks announce exabytes.
GROWTH_MAX = 64 << 20


def default_broker() -> Path:
    builds = [ROOT / ".build" / build / "wsbroker" for build in ("release", "debug")]
    return next((path for path in builds if path.exists()), builds[0])


def is_served(target: Target) -> bool:
    try:
        with Client(target.port) as client:
            return client.ask({"op": "ping", "id": 1}) == {"op": "pong", "id": 1}
    except OSError:
        return False


def outcome(check: Check, target: Target) -> tuple[str, str]:
    try:
        check.run(target)
    except Failed as failure:
        return "FAIL", str(failure)
    except Exception as error:  # whatever it was, it does not hold
        return "FAIL", f"{type(error).__name__}: {error}"
    if not target.is_running:
        return "FAIL", "the broker has ended"
    return ("PASS", "") if is_served(target) else ("FAIL", "nobody is served after it")


def run(checks: list[Check], target: Target) -> int:
    failures = 0
    with target:
        is_served(target)
        before = target.memory()
        for check in checks:
            begin = time.monotonic()
            verdict, reason = outcome(check, target)
            failures += verdict == "FAIL"
            print(f"{verdict}  {check.number:27} {check.sentence}  ({time.monotonic() - begin:.1f} s)", flush=True)
            if reason:
                print(f"      {reason}", flush=True)
            if not target.is_running:
                print(f"      the end of its log: {target.logged()[-500:]}")
                return failures
        growth, most = target.memory() - before, target.memory("VmHWM") - before
        verdict = "PASS" if max(growth, most) < GROWTH_MAX else "FAIL"
        failures += verdict == "FAIL"
        print(f"{verdict}  {'memory':27} grew by {growth >> 20} MiB, at the most by {most >> 20} MiB")
        status = target.stop()
    failures += status != 0
    print(f"{'FAIL' if status else 'PASS'}  {'end':27} stopped with status {status}")
    return failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wanted", nargs="*", metavar="TEXT")
    parser.add_argument("--broker", type=Path, default=default_broker())
    arguments = parser.parse_args()
    if not arguments.broker.exists():
        parser.error(f"{arguments.broker} is missing; build it with: make build")
    checks = [*handshake.checks, *weaknesses.checks, *authentication.checks, *rights.checks, *use_up.checks]
    if wanted := arguments.wanted:
        checks = [one for one in checks if any(text in f"{one.number} {one.sentence}" for text in wanted)]
        if not checks:
            parser.error(f"no check has {' or '.join(map(repr, wanted))} in it")
    folder = Path(tempfile.mkdtemp(prefix="wsbroker-attack-"))
    failures = run(checks, Target(arguments.broker.resolve(), folder))
    if failures:
        print(f"{failures} of {len(checks) + 2} do not hold; logs and stores: {folder}")
    else:
        shutil.rmtree(folder)
        print(f"all {len(checks) + 2} hold")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
