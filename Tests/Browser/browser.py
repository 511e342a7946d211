#!/usr/bin/env python3
"""The dashboard in a real browser, before a real broker that is killed.

    Tests/Browser/browser.py [--broker PATH] [--dev] [--screenshots DIRECTORY] [NAME ...]

Needs Debian's `chromium` and `chromium-driver`; Python packages that are missing are installed into
`.build/browser-tools`. With `--dev` the page comes from the dev server, else from the broker itself.
Ends with 1 if something failed.
"""
from __future__ import annotations

import argparse
import contextlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".build" / "browser-tools"


def ensure_packages() -> None:
    """Goes on in an environment of our own where a package is missing."""
    if importlib.util.find_spec("websockets") and importlib.util.find_spec("selenium"):
        return
    python = TOOLS / "bin" / "python3"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", TOOLS], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "websockets>=14,<18", "selenium>=4.20,<5"], check=True)
    os.execv(python, [str(python), *sys.argv])


ensure_packages()

from scenes import TESTS  # noqa: E402
from stage import Broker, DevServer, Page, Stage, Traffic, until  # noqa: E402


def take_screenshots(stage: Stage, folder: Path) -> None:
    """A busy broker at desktop and phone size, light and dark, with an alert that stands."""
    folder.mkdir(parents=True, exist_ok=True)
    page = stage.page
    page.open(stage.url)
    traffic = Traffic(stage.broker.url)
    try:
        stage.publisher.publish("factory/kiln/power", 400)
        time.sleep(30)  # nothing to wait for but that there is something on the charts
        stage.publisher.publish("factory/kiln/power", 538.2)
        time.sleep(20)
        for name, width, height in (("desktop", 1280, 800), ("phone", 390, 844)):
            for scheme in ("light", "dark"):
                page.shape(width, height, scheme)
                for place, y in (("top", 0), ("middle", 1100)):
                    page.script("scrollTo(0, arguments[0])", y)
                    time.sleep(1.2)  # one more second on every chart
                    page.shoot(folder / f"{name}-{scheme}-{place}.png")
                page.script("location.hash = 'latency%2Faverage'")
                until(lambda: page.script("return document.querySelector('#detail canvas')?.height > 0"), "a chart")
                time.sleep(1.2)
                page.shoot(folder / f"{name}-{scheme}-detail.png")
                page.script("document.getElementById('detail').close()")
    finally:
        traffic.stop()


def run(stage: Stage, names: list[str]) -> int:
    passed = failed = 0
    for function in TESTS:
        if names and function.__name__ not in names:
            continue
        title = function.__name__.replace("_", " ")
        try:
            function(stage)
            faults = stage.page.faults()
            assert not faults, faults
        except Exception:
            failed += 1
            print(f"FAILED {title}\n{traceback.format_exc()}", flush=True)
            with contextlib.suppress(Exception):
                stage.page.faults()
        else:
            passed += 1
            print(f"passed {title}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    builds = [ROOT / ".build" / build / "wsbroker" for build in ("release", "debug")]
    parser.add_argument("--broker", type=Path, default=next((path for path in builds if path.exists()), builds[0]))
    parser.add_argument("--dev", action="store_true", help="the page from the dev server, not from the broker")
    parser.add_argument("--screenshots", type=Path, help="takes them there instead of testing")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of tests; all by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wsbroker-browser-") as folder:
        broker = Broker(options.broker, Path(folder))
        broker.start()
        server = DevServer(broker) if options.dev else None
        page = Page()
        stage = Stage(broker, page, server.url if server else f"http://127.0.0.1:{broker.port}/")
        try:
            if options.screenshots:
                take_screenshots(stage, options.screenshots)
                return 0
            return run(stage, options.names)
        finally:
            page.close()
            if server:
                server.stop()
            broker.kill()


if __name__ == "__main__":
    sys.exit(main())
