#!/usr/bin/env python3
"""What a delivery costs the broker with TLS and without, in turns, without the handshakes.

    Benchmarks/TLS/fanout.py [--build .build/release] [--rounds 3] [--subscribers 500]

The broker has CPU 0 and the load CPU 1. Needs openssl and taskset, and release builds of wsbroker and wsbench.
"""
from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

SETTLE, MEASURE, DURATION = 3.5, 3.5, "7"  # seconds


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def cpu_seconds(process: int) -> float:
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def microseconds(build: Path, folder: Path, has_tls: bool, window: int, subscribers: int) -> float:
    """CPU time of the broker for one delivery."""
    port = free_port()
    certificate, key = folder / "cert.pem", folder / "key.pem"
    listen: dict[str, object] = {"port": port}
    if has_tls:
        listen["tls"] = {"certificate": str(certificate), "key": str(key)}
    store = tempfile.mkdtemp(dir=folder)
    configuration = folder / "config.json"
    configuration.write_text(json.dumps({
        "listen": listen, "admin": {"port": free_port()}, "store": {"path": f"{store}/store.db"},
        "topics": [{"topic": "event/#", "durability": "memory"}]}))
    broker = subprocess.Popen(["taskset", "-c", "0", build / "wsbroker", "--config", configuration],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert broker.stdout
        broker.stdout.readline()
        url = f"{'wss' if has_tls else 'ws'}://localhost:{port}/event/bench"
        load = subprocess.Popen(
            ["taskset", "-c", "1", build / "wsbench", "-L", url, "--json", "--publishers", "1", "--window", str(window),
             "--subscribers", str(subscribers), "--duration", DURATION, *(["--cafile", certificate] if has_tls else [])],
            stdout=subprocess.PIPE, text=True)
        time.sleep(SETTLE)
        used, begin = cpu_seconds(broker.pid), time.monotonic()
        time.sleep(MEASURE)
        used, passed = cpu_seconds(broker.pid) - used, time.monotonic() - begin
        figures = json.loads(load.communicate()[0].strip().splitlines()[-1])
        return used / passed / figures["delivered"]["perSecond"] * 1e6
    finally:
        broker.terminate()
        broker.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path(".build/release"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--subscribers", type=int, default=500)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
        (folder / "key.pem").chmod(0o600)
        for window in (1, 16):
            found: dict[bool, list[float]] = {False: [], True: []}
            for _ in range(arguments.rounds):
                for has_tls in (False, True):
                    found[has_tls].append(
                        microseconds(arguments.build, folder, has_tls, window, arguments.subscribers))
            plain, secure = (statistics.median(found[has_tls]) for has_tls in (False, True))
            print(f"{window:2} in flight: {plain:.2f} us a delivery, with TLS {secure:.2f} us: "
                  f"{plain / secure:.0%} of plain for the same CPU", flush=True)


if __name__ == "__main__":
    main()
