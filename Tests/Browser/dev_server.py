#!/usr/bin/env python3
"""Serves the dashboard from the sources, as the broker does, so that a change is seen by loading the page again.

    python3 Tests/Browser/dev_server.py --broker-url ws://127.0.0.1:8181

The paths and the Content-Security-Policy are the broker's. WebSockets are relayed to a broker; what it does not have
yet is made up here: the topics `$sys/...`, and `GET /topics` from what goes over `#`.
"""
from __future__ import annotations

import argparse
import asyncio
import contextlib
import http
import json
import math
import time
import urllib.parse
from pathlib import Path
from typing import Any

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.http11 import Request, Response

FILES = Path(__file__).resolve().parents[2] / "Sources" / "BrokerServer" / "Dashboard"
CHART = Path("/usr/share/javascript/chart.js/chart.js")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".ts": "text/plain; charset=utf-8",
}
AT_ROOT = {"/": "index.html", "/wsbroker.js": "wsbroker.js", "/wsbroker.d.ts": "wsbroker.d.ts"}


class DevServer:
    def __init__(self, broker_url: str, rules: list[dict[str, Any]], options: argparse.Namespace) -> None:
        self._broker_url = broker_url
        self._rules = rules
        self._has_chart = not options.no_chart
        self._has_sys = not options.no_sys
        self._topics: dict[str, dict[str, Any]] = {}
        self._alerts: dict[tuple[str, str | None], dict[str, Any]] = {}
        self._connections = 0
        self._started = time.time()

    async def run(self, port: int) -> None:
        async with serve(self._relay, "127.0.0.1", port, process_request=self._answer,
                         subprotocols=["wsbroker.v1.json"], compression=None, max_size=None) as server:
            print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
            await self._watch()

    # HTTP

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if "Upgrade" in request.headers:
            return None
        url = urllib.parse.urlsplit(request.path)
        if url.path == "/topics":
            return self._list(urllib.parse.parse_qs(url.query))
        file = self._file(url.path)
        if file is None or not file.is_file():
            return self._response(404, "text/plain", b"there is nothing at this path\n")
        return self._response(200, TYPES[file.suffix], file.read_bytes())

    def _file(self, path: str) -> Path | None:
        if path == "/dashboard/chart.js":
            return CHART if self._has_chart else None
        if path in AT_ROOT:
            return FILES / AT_ROOT[path]
        folder, _, name = path.rpartition("/")
        return FILES / name if folder == "/dashboard" and name not in AT_ROOT.values() else None

    def _list(self, query: dict[str, list[str]]) -> Response:
        after = query.get("after", [""])[0]
        limit = int(query.get("limit", ["100"])[0])
        names = sorted(name for name in self._topics if name > after)
        page: dict[str, Any] = {"topics": [self._topics[name] for name in names[:limit]]}
        if len(names) > limit:
            page["next"] = names[limit - 1]
        return self._response(200, "application/json", json.dumps(page).encode())

    def _response(self, status: int, kind: str, body: bytes) -> Response:
        headers = Headers({
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-cache",
            "Access-Control-Allow-Origin": "*",
        })
        return Response(status, http.HTTPStatus(status).phrase, headers, body)

    # WebSocket

    async def _relay(self, page: ServerConnection) -> None:
        self._connections += 1
        try:
            async with connect(self._broker_url, subprotocols=["wsbroker.v1.json"], max_size=None) as broker:
                ways = [self._upstream(page, broker), self._pass(broker, page)]
                tasks = [asyncio.create_task(way) for way in ways]
                _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                code = broker.close_code or 1000
                is_sendable = code in (1000, 1011, 1012) or code >= 4000
                await page.close(code if is_sendable else 1011, broker.close_reason or "")
        except (OSError, InvalidHandshake):
            await page.close(1013, "no broker")
        finally:
            self._connections -= 1

    @staticmethod
    async def _pass(source: Any, sink: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in source:
                await sink.send(frame)

    async def _upstream(self, page: ServerConnection, broker: Any) -> None:
        telling = None
        with contextlib.suppress(ConnectionClosed):
            async for frame in page:
                request = json.loads(frame)
                if not (request.get("op") == "sub" and request["topic"].startswith("$sys")):
                    await broker.send(frame)
                elif self._has_sys:
                    telling = asyncio.create_task(self._tell_figures(page, request))
                else:
                    refusal = {"op": "err", "code": 4103, "name": "forbidden", "reason": "no", "retry": "no"}
                    await page.send(json.dumps({**refusal, "id": request["id"]}))
        if telling:
            telling.cancel()

    async def _tell_figures(self, page: ServerConnection, request: dict[str, Any]) -> None:
        await page.send(json.dumps({"op": "ack", "id": request["id"], "topic": request["topic"]}))
        told: dict[str, Any] = {}
        offset = 0
        with contextlib.suppress(ConnectionClosed):
            while True:
                offset += 1
                for topic, data in self._figures().items():
                    if topic not in told or told[topic] != data:
                        told[topic] = data
                        ts = int(time.time() * 1000)
                        message = {"op": "msg", "topic": f"$sys/{topic}", "offset": offset, "ts": ts, "data": data}
                        await page.send(json.dumps(message))
                await asyncio.sleep(1)

    def _figures(self) -> dict[str, Any]:
        """Made up, and the same at the same second."""
        up = time.time() - self._started
        wave = math.sin(up / 17) + math.sin(up / 5.3) / 3
        return {
            "connections": 1204 + self._connections + round(6 * wave),
            "subscriptions": 1311 + self._connections,
            "topics": len(self._topics),
            "publishes": round(812 * up + 900 * math.sin(up / 11)),
            "acks": round(810 * up),
            "refusals": round(up / 9),
            "deliveries": round(14_300 * up + 30_000 * math.sin(up / 13)),
            "conflated": round(1_900 * up),
            "bytes/in": round(71_000 * up),
            "bytes/out": round(1_430_000 * up),
            "store/commits": round(212 * up + 160 * math.sin(up / 9)),
            "store/commit/p99": round(1.9 + 0.4 * wave, 2) if up > 2 else None,
            "store/fsync/p99": round(1.4 + 0.3 * wave, 2) if up > 2 else None,
            "store/wal/bytes": 1_310_720 + 4096 * int(up),
            "store/state": "ok",
            "store/backup": {"ts": int((self._started - 7_400) * 1000), "bytes": 48_234_496},
            "alerts": list(self._alerts.values()),
            "uptime": 263_000 + int(up),
            "version": "0.1.0",
        }

    async def _watch(self) -> None:
        """Reads all topics, for what the broker does not tell by itself yet."""
        while True:
            with contextlib.suppress(OSError, InvalidHandshake, ConnectionClosed):
                async with connect(self._broker_url, subprotocols=["wsbroker.v1.json"], max_size=None) as broker:
                    self._topics.clear()
                    self._alerts.clear()
                    await broker.send('{"op":"sub","topic":"#"}')
                    async for frame in broker:
                        self._note(json.loads(frame))
            await asyncio.sleep(0.2)

    def _note(self, message: dict[str, Any]) -> None:
        if message["op"] != "msg":
            return
        topic = message["topic"]
        rule = next((rule for rule in self._rules if matches(rule["topic"], topic)), {})
        aggregate = rule.get("aggregate")
        if isinstance(aggregate, dict):
            aggregate = next(iter(aggregate))
        self._topics[topic] = {
            "topic": topic, **({"aggregate": aggregate} if aggregate else {}),
            "epoch": "k3", "offset": message["offset"], "ts": message["ts"], "data": message["data"],
        }
        if alert := message.get("alert"):
            of = next((rule["topic"] for rule in self._rules
                       if any(a["name"] == alert["name"] for a in rule.get("alerts", []))), topic)
            key = (alert["name"], alert.get("key"))
            if alert["state"] == "raised":
                kept = {name: alert[name] for name in ("name", "key", "value", "limit") if name in alert}
                self._alerts[key] = {"topic": of, **kept, "since": message["ts"]}
            else:
                self._alerts.pop(key, None)


def matches(pattern: str, topic: str) -> bool:
    want, have = pattern.split("/"), topic.split("/")
    if want[-1] == "#":
        want, have = want[:-1], have[:len(want) - 1]
    return len(want) == len(have) and all(w in ("+", h) or w == "{key}" for w, h in zip(want, have))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--broker-url", default="ws://127.0.0.1:8181/ws")
    parser.add_argument("--config", type=Path, help="the broker's configuration, to know the aggregators")
    parser.add_argument("--port", type=int, default=8080, help="0 for any")
    parser.add_argument("--no-chart", action="store_true", help="as where libjs-chart.js is not installed")
    parser.add_argument("--no-sys", action="store_true", help="as for somebody who may not read $sys")
    options = parser.parse_args()
    rules = json.loads(options.config.read_text()).get("topics", []) if options.config else []
    server = DevServer(options.broker_url, rules, options)
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(server.run(options.port))


if __name__ == "__main__":
    main()
