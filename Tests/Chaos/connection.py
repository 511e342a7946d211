"""What all clients share: connect, serve, and connect again after a while."""
from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from checker import SUBPROTOCOL
from report import Report

Frame = dict[str, Any]


class Reconnect(Exception):
    """This connection is of no more use."""


class Ended(Exception):
    """The broker wants no more of this client."""


class Client:
    """Keeps a connection until it is told to stop. What happens on it is a matter of the subclasses."""

    def __init__(
        self, name: str, url: Callable[[], str], generator: random.Random, report: Report, patience: float = 2
    ) -> None:
        self.name = name
        self._url = url
        self.random = generator
        self.report = report
        self.patience = patience
        """How long to wait for an answer that is due before the connection is taken for dead."""
        self.ended: str | None = None
        """The name of the error that ended it for good."""
        self.comes_back = True
        """Whether it connects again when its connection is lost."""
        self.connects = 0
        self.close_codes: list[int] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=self.name)

    async def stop(self) -> None:
        assert self._task
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def check_alive(self) -> None:
        """Raises what the client died of, if it is a fault of this program."""
        if self._task and self._task.done() and not self._task.cancelled() and (error := self._task.exception()):
            raise error

    # For subclasses.

    async def serve(self, socket: ClientConnection) -> None:
        """Uses a connection until it ends."""
        raise NotImplementedError

    def is_owed_an_answer(self) -> bool:
        raise NotImplementedError

    async def converse(
        self, socket: ClientConnection, send: Coroutine[Any, Any, None], received: Callable[[Frame], None]
    ) -> None:
        """Sends and receives side by side until the connection ends."""
        sender = asyncio.create_task(send)
        try:
            while True:
                received(await self.receive(socket))
        finally:
            sender.cancel()
            (end,) = await asyncio.gather(sender, return_exceptions=True)
            if isinstance(end, Exception) and not isinstance(end, ConnectionClosed):
                raise end

    async def receive(self, socket: ClientConnection) -> Frame:
        """The next frame; gives the connection up if it should have come long ago."""
        while True:
            waiting = self.is_owed_an_answer()
            try:
                async with asyncio.timeout(self.patience):
                    return json.loads(await socket.recv())
            except TimeoutError:
                if waiting:
                    raise Reconnect from None

    async def _run(self) -> None:
        while self.ended is None:
            try:
                socket = await connect(
                    self._url(), subprotocols=[SUBPROTOCOL], proxy=None, compression=None, ping_interval=None,
                    open_timeout=self.patience, close_timeout=0.1, max_size=None, max_queue=None,
                )
            except (OSError, InvalidHandshake, InvalidURI, ConnectionClosed, EOFError):
                await self._rest()
                continue
            self.connects += 1
            try:
                await self.serve(socket)
            except ConnectionClosed as closed:
                if closed.rcvd:
                    self._closed(closed.rcvd.code)
            except (Reconnect, TimeoutError):
                pass
            except Ended as ended:
                self.ended = str(ended)
            finally:
                # Not a clean close: a client that dies does not say goodbye either.
                socket.transport.abort()
            if self.ended is None and not self.comes_back:
                self.ended = "lost"
            await self._rest()

    def _closed(self, code: int) -> None:
        self.close_codes.append(code)
        if 4100 <= code < 4200 or code in (4007, 4008, 4401):
            self.ended = str(code)

    async def _rest(self) -> None:
        await asyncio.sleep(self.random.uniform(0.02, 0.15))
