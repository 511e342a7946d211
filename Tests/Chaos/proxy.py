"""A TCP proxy that does to connections what networks do.

Where a connection is hurt is drawn anew for each, in bytes, so that cuts fall inside frames as well as between them.
"""
from __future__ import annotations

import asyncio
import contextlib
import enum
import random
import socket
import struct
from dataclasses import dataclass


class Harm(enum.Enum):
    NONE = "none"
    CUT = "cut"  # both sides end after some bytes
    RESET = "reset"  # the same, with a reset
    STALL = "stall"  # one direction rests for a while
    SWALLOW = "swallow"  # the broker hears the client, and its answers come to nobody
    TRICKLE = "trickle"  # a piece of it comes in writes of 1 to 7 bytes
    GHOST = "ghost"  # the client is gone, and its last bytes arrive late, when it is back on another connection


WEIGHTS = {
    Harm.NONE: 4, Harm.CUT: 3, Harm.RESET: 3, Harm.STALL: 2, Harm.SWALLOW: 3, Harm.TRICKLE: 2, Harm.GHOST: 2,
}

# A hello that arrives late would be a takeover of its own: the handshake and it are always past this.
HELLO_BYTES = 1500


class Proxy:
    """Listens on a port that stays, in front of a broker whose port changes with each start."""

    def __init__(self, generator: random.Random) -> None:
        self._random = generator
        self._upstream: int | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.calm = False
        """Whether new connections are left in peace."""
        self.harms = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)

    @property
    def url(self) -> str:
        assert self._server
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def forward_to(self, port: int | None) -> None:
        """Sets where new connections lead; without a port they are refused."""
        self._upstream = port

    async def stop(self) -> None:
        assert self._server
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        try:
            if self._upstream is not None:
                up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._upstream)
                connection = _Connection(reader, writer, up_reader, up_writer, self._draw(), self._random)
                await connection.run()
                self.harms += connection.hurt
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    def _draw(self) -> _Fate:
        if self.calm:
            return _Fate(Harm.NONE, 0, True)
        harm = self._random.choices(list(WEIGHTS), weights=list(WEIGHTS.values()))[0]
        at = int(200 * 2 ** self._random.uniform(0, 8))
        match harm:
            case Harm.GHOST:
                return _Fate(harm, HELLO_BYTES + at, True)
            case Harm.SWALLOW:
                return _Fate(harm, at, False)
            case _:
                return _Fate(harm, at, self._random.random() < 0.5)


@dataclass(frozen=True)
class _Fate:
    """What happens to a connection, after how many bytes, and whether on the way to the broker or back."""

    harm: Harm
    at: int
    upwards: bool


class _Connection:
    """One client, the broker, and what happens between them."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        up_reader: asyncio.StreamReader,
        up_writer: asyncio.StreamWriter,
        fate: _Fate,
        generator: random.Random,
    ) -> None:
        self._client = (reader, writer)
        self._broker = (up_reader, up_writer)
        self._fate = fate
        self._random = generator
        self._client_gone = False
        self.hurt = False

    async def run(self) -> None:
        """Carries bytes until one side ends, or the harm ends it."""
        pumps = [asyncio.create_task(self._pump(upwards)) for upwards in (True, False)]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for _, writer in (self._client, self._broker):
                writer.transport.abort()

    async def _pump(self, upwards: bool) -> None:
        source = (self._client if upwards else self._broker)[0]
        sink = (self._broker if upwards else self._client)[1]
        waits = self._fate.upwards == upwards and self._fate.harm is not Harm.NONE
        passed = 0
        while chunk := await source.read(16384):
            if self._client_gone and not upwards:
                continue
            if waits and passed + len(chunk) >= self._fate.at:
                cut = max(0, self._fate.at - passed)
                await self._write(sink, chunk[:cut])
                self.hurt = True
                waits = False
                if not await self._harm(chunk[cut:], source, sink):
                    return
            else:
                await self._write(sink, chunk)
            passed += len(chunk)

    async def _write(self, sink: asyncio.StreamWriter, chunk: bytes) -> None:
        try:
            sink.write(chunk)
            await sink.drain()
        except OSError:
            if not self._client_gone:
                raise

    async def _harm(self, rest: bytes, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> bool:
        """Does it. `rest` is what is read and not passed on. Returns whether the connection goes on."""
        match self._fate.harm:
            case Harm.TRICKLE:
                await self._trickle(rest, sink)
                return True
            case Harm.STALL:
                await asyncio.sleep(self._random.uniform(0.05, 1.5))
                await self._write(sink, rest)
                return True
            case Harm.RESET:
                for _, writer in (self._client, self._broker):
                    _reset_on_close(writer)
            case Harm.SWALLOW:
                # The other direction goes on meanwhile.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._random.uniform(0.02, 0.5)):
                        while await source.read(16384):
                            pass
            case Harm.GHOST:
                self._client_gone = True
                self._client[1].transport.abort()
                await asyncio.sleep(self._random.uniform(0.1, 1.0))
                await self._write(sink, rest)
                await asyncio.sleep(0.2)
        return False

    async def _trickle(self, chunk: bytes, sink: asyncio.StreamWriter) -> None:
        start = 0
        while start < len(chunk):
            end = start + self._random.randint(1, 7)
            await self._write(sink, chunk[start:end])
            # Lets the other side read before more comes.
            await asyncio.sleep(0.0005)
            start = end


def _reset_on_close(writer: asyncio.StreamWriter) -> None:
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
