"""The broker that is attacked: a process of its own, on free ports, with a configuration that is written here."""
from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

START_SECONDS = 20

# Short waits, so that what is cut off for being slow is cut off soon.
SETTINGS: dict[str, Any] = {
    "topics": [{"topic": "clicks", "aggregate": "sum", "number": "int"},
               {"topic": "own/+", "aggregate": "sum", "number": "int"}],
    "auth": {"anonymous": ["publish", "subscribe"]},
    "limits": {"handshakeTimeout": "1s", "frameTimeout": "1s", "closeTimeout": "1s"},
    "log": {"level": "debug"},
}


class Ended(Exception):
    """The broker ended, or did not start."""

    def __init__(self, status: int | None, text: str) -> None:
        super().__init__(f"status {status}: {text.strip()[-300:]}")
        self.status = status
        self.text = text


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Target:
    """One store, and the process that serves it. `settings` are top-level keys that replace those above."""

    def __init__(self, program: Path, folder: Path, **settings: Any) -> None:
        self.program = program
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.configuration = folder / "config.json"
        self.log = folder / "broker.log"
        self.configure(**settings)
        self.process: subprocess.Popen[str] | None = None
        self.port = 0
        self.admin_port = 0

    def configure(self, **settings: Any) -> None:
        self.configuration.write_text(json.dumps({**SETTINGS, **settings}))

    def another(self, name: str, **settings: Any) -> Target:
        """A broker beside this one; it is to be used in a `with`."""
        return Target(self.program, self.folder / name, **settings)

    def start(self, *options: str) -> Target:
        """Starts it and waits until it listens."""
        self.admin_port = free_port()
        # What is set for the tools of whoever runs this is not meant for a broker.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("WSBROKER_")}
        with self.log.open("a") as log:
            begin = log.tell()
            self.process = subprocess.Popen(
                [str(self.program), "--config", str(self.configuration), "--store", str(self.folder / "data/store.db"),
                 "--port", "0", "--set", f"admin.port={self.admin_port}", *options],
                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                cwd=self.folder,
            )
        assert self.process.stdout
        # Ends with the process at the latest; a broker that says nothing is ended.
        watch = self._end_after(START_SECONDS)
        line = self.process.stdout.readline()
        watch.kill()
        watch.wait()
        found = re.search(r"wss?://[^:\s]+:(\d+)", line)
        if not found:
            status = self.process.wait(START_SECONDS)
            self.stop()
            raise Ended(status, line + self.log.read_text(errors="replace")[begin:])
        self.port = int(found[1])
        return self

    def _end_after(self, seconds: int) -> subprocess.Popen[bytes]:
        assert self.process
        return subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill -9 {self.process.pid}"],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self) -> Target:
        return self if self.process else self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Ends it; returns its status, negative for a signal."""
        if not self.process:
            return None
        if self.is_running:
            self.process.send_signal(number)
        try:
            status = self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.process = None
        return status

    def refusal(self, *options: str) -> Ended:
        """Starts it where that is to fail; what it said."""
        try:
            self.start(*options)
        except Ended as ended:
            return ended
        self.stop()
        return Ended(None, "it started")

    def memory(self, name: str = "VmRSS") -> int:
        """In bytes: what it has now, or `VmHWM`, the most that it ever had."""
        assert self.process
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
        return int(found[1]) * 1024 if found else 0

    def logged(self) -> str:
        return self.log.read_text(errors="replace")
