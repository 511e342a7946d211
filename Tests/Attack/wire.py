"""Bytes on sockets: HTTP heads and WebSocket frames as they are, right or wrong."""
from __future__ import annotations

import base64
import hashlib
import json
import socket
import struct
from typing import Any

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(hashlib.sha1((KEY + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
PATIENCE = 8.0

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def handshake(line: str = "GET /ws HTTP/1.1", *more: str, without: str = "") -> bytes:
    """A handshake with lines put in, and without those whose name is `without`."""
    fields = ["Host: localhost", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Key: {KEY}",
              "Sec-WebSocket-Version: 13"]
    kept = [field for field in fields if not without or not field.startswith(without + ":")]
    return "\r\n".join([line, *kept, *more, "", ""]).encode("latin-1")


def frame(opcode: int, payload: bytes = b"", first: int | None = None) -> bytes:
    """A final frame with a mask of zeros; `first` is its first byte where that is to be another one."""
    head = bytes([0x80 | opcode if first is None else first])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += bytes([0xFE]) + struct.pack(">H", size)
    else:
        head += bytes([0xFF]) + struct.pack(">Q", size)
    return head + bytes(4) + payload


def announced(size: int, first: int = 0x81) -> bytes:
    """The head of a frame that says it is so long."""
    return bytes([first, 0xFF]) + struct.pack(">Q", size) + bytes(4)


class Connection:
    """A TCP connection. Everything waits at most `PATIENCE` seconds and then raises `TimeoutError`."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """Whether all of it was taken: the broker may answer and close before."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65_536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def until(self, mark: bytes) -> bytes:
        """Up to and with `mark`, or what there is at the end."""
        while mark not in self.buffer and self._more():
            pass
        end = self.buffer.find(mark)
        end = len(self.buffer) if end < 0 else end + len(mark)
        data, self.buffer = self.buffer[:end], self.buffer[end:]
        return data

    def exactly(self, count: int) -> bytes:
        while len(self.buffer) < count and self._more():
            pass
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def rest(self) -> bytes:
        """All that comes until the broker closes."""
        while self._more():
            pass
        data, self.buffer = self.buffer, b""
        return data

    def head(self) -> str:
        return self.until(b"\r\n\r\n").decode("latin-1")

    def frame(self) -> tuple[int, bytes] | None:
        """The next frame of the broker, or nothing at the end."""
        head = self.exactly(2)
        if len(head) < 2:
            return None
        size = head[1] & 0x7F
        if size == 126:
            size = struct.unpack(">H", self.exactly(2))[0]
        elif size == 127:
            size = struct.unpack(">Q", self.exactly(8))[0]
        return head[0] & 0x0F, self.exactly(size)

    def close_code(self) -> int | None:
        """Reads on to the Close; its code, 1005 without one, nothing if the connection just ends."""
        while found := self.frame():
            opcode, payload = found
            if opcode == CLOSE:
                return struct.unpack(">H", payload[:2])[0] if len(payload) > 1 else 1005
        return None


class Client(Connection):
    """A WebSocket that is open. `fields` are lines of the handshake's head."""

    def __init__(self, port: int, *fields: str, line: str = "GET /ws HTTP/1.1") -> None:
        super().__init__(port)
        self.send(handshake(line, *fields))
        self.answer = self.head()
        if not self.answer.startswith("HTTP/1.1 101 "):
            self.socket.close()
            raise ConnectionRefusedError(self.answer.split("\r\n")[0])

    def __enter__(self) -> Client:
        return self

    def say(self, message: Any) -> bool:
        """A message, or a text as it is."""
        text = message if isinstance(message, str) else json.dumps(message)
        return self.send(frame(TEXT, text.encode("utf-8", "surrogatepass")))

    def hear(self) -> dict[str, Any] | None:
        """The next message, or nothing at the end."""
        while found := self.frame():
            if found[0] == TEXT:
                return json.loads(found[1])
            if found[0] == CLOSE:
                return None
        return None

    def ask(self, message: Any) -> dict[str, Any]:
        """The next message after saying something, or an empty one at the end."""
        self.say(message)
        return self.hear() or {}


def http(port: int, method: str, path: str, *fields: str, body: bytes | None = None) -> tuple[int, str]:
    """The status and all of the answer to a request that is the last on its connection."""
    lines = [f"{method} {path} HTTP/1.1", *fields]
    if not any(field.lower().startswith("host:") for field in fields):
        lines.append("Host: localhost")
    lines.append("Connection: close")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
        if not any(field.lower().startswith("content-type:") for field in fields):
            lines.append("Content-Type: application/json")
    with Connection(port) as connection:
        connection.send("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))
        answer = connection.rest().decode("utf-8", "replace")
    return status(answer), answer


def status(answer: str) -> int:
    words = answer.split(" ", 2)
    return int(words[1]) if len(words) > 2 and words[1].isdigit() else 0
