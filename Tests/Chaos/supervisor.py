"""Starts a broker, waits until it listens, and ends it in every way there is."""
from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from plan import TOPICS

START_SECONDS = 20


class BrokerRefused(Exception):
    """The broker ended instead of listening."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the broker ended with status {status} instead of listening: {last_line(text)}")
        self.status = status
        self.text = text


def build_shim(folder: Path) -> Path:
    """Compiles shim.c, once per run."""
    library = folder / "shim.so"
    if not library.exists():
        source = Path(__file__).with_name("shim.c")
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True, timeout=60)
    return library


def last_line(text: str) -> str:
    return (text.strip().splitlines() or [""])[-1]


class Broker:
    """One store, and the processes that serve it one after the other.

    `settings` are top-level keys of the configuration.
    """

    def __init__(self, program: Path, folder: Path, path: Path | None = None, **settings: Any) -> None:
        self._program = program
        self.folder = folder
        self.store = path or folder / "store" / "wsbroker.db"
        self.log = folder / "broker.log"
        self._configuration = folder / "config.json"
        self._configuration.write_text(json.dumps({"topics": TOPICS, **settings}))
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0
        """Where in the log this process begins."""
        self.port: int | None = None
        self.admin_port: int | None = None

    @property
    def url(self) -> str:
        assert self.port
        return f"ws://127.0.0.1:{self.port}"

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    async def spawn(self, environment: dict[str, str] | None = None) -> None:
        """Starts the process and does not wait for it."""
        assert not self.is_running
        self.port = None
        self.admin_port = _free_port()
        ports = {"WSBROKER_LISTEN_PORT": "0", "WSBROKER_ADMIN_PORT": str(self.admin_port)}
        program = [sys.executable] if self._program.suffix == ".py" else []
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = await asyncio.create_subprocess_exec(
                *program, str(self._program), "--config", str(self._configuration),
                env={**os.environ, **ports, "WSBROKER_STORE_PATH": str(self.store), **(environment or {})},
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            )

    async def listening(self) -> None:
        """Waits for the line with the port."""
        assert self._process and self._process.stdout
        async with asyncio.timeout(START_SECONDS):
            line = (await self._process.stdout.readline()).decode()
        found = re.search(r"ws://127\.0\.0\.1:(\d+)", line)
        if not found:
            status = await self.ended()
            with self.log.open("rb") as log:
                log.seek(self._log_start)
                raise BrokerRefused(status, line + log.read().decode(errors="replace"))
        self.port = int(found[1])

    async def start(self, environment: dict[str, str] | None = None) -> None:
        await self.spawn(environment)
        await self.listening()

    async def ended(self, seconds: float = 30) -> int:
        """Waits for the end of the process; returns its status, negative for a signal."""
        assert self._process
        async with asyncio.timeout(seconds):
            return await self._process.wait()

    def signal(self, number: int) -> None:
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    async def kill(self) -> int:
        """kill -9; returns the status, which is of before if it had ended by itself."""
        self.signal(signal.SIGKILL)
        return await self.ended()

    async def stop(self) -> int:
        """The clean end."""
        self.signal(signal.SIGTERM)
        return await self.ended()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
