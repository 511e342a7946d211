"""What the browser tests play on: a broker that can be killed, the dev server before it, a browser, and traffic."""
from __future__ import annotations

import contextlib
import hashlib
import json
import math
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable, Iterator

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from websockets.sync.client import connect

TOPICS: list[dict[str, Any]] = [
    {"topic": "clicks", "aggregate": "sum", "number": "int"},
    {"topic": "clicks/+", "aggregate": "sum", "number": "int"},
    {"topic": "many/+", "aggregate": "sum", "durability": "memory"},
    {"topic": "clicks-per-10s", "from": "clicks/+", "aggregate": "sum", "window": {"type": "tumbling", "size": "10s"}},
    {"topic": "latency/api", "from": "requests", "value": "/ms", "aggregate": "quantile"},
    {"topic": "latency/spread", "from": "requests", "value": "/ms",
     "aggregate": {"histogram": {"bounds": [5, 10, 20, 40, 80, 160, 320]}}},
    {"topic": "latency/average", "from": "requests", "value": "/ms", "aggregate": "avg",
     "window": {"type": "sliding", "size": "30s"}},
    {"topic": "pages/top", "from": "requests", "key": "/page", "aggregate": {"topk": {"k": 8}}},
    {"topic": "pages/visitors", "from": "requests", "value": "/user", "aggregate": {"distinct": {"exactUntil": 16}}},
    {"topic": "factory/power/max", "from": "factory/+/power", "key": "+1", "perKey": "last",
     "aggregate": {"max": {"who": True}}, "staleAfter": "60s",
     "alerts": [{
         "name": "overpower", "scope": "key", "above": 500, "clearBelow": 450,
         "raise": [{"to": "factory/alerts",
                    "data": {"level": "critical", "text": "{key} draws {value} kW, over {limit}"}},
                   {"to": "factory/{key}/cmd", "data": {"cmd": "shutdown"}}],
         "clear": [{"to": "factory/alerts", "data": {"level": "ok", "text": "{key} is back at {value} kW"}},
                   {"to": "factory/{key}/cmd", "data": None}]}]},
    {"topic": "factory/power/all", "from": "factory/+/power", "key": "+1", "perKey": "last", "aggregate": "sum"},
]


class Broker:
    """A store, a port, and a process that can be killed."""

    def __init__(self, program: Path, folder: Path, **sections: Any) -> None:
        self.program = program
        self.config = folder / "config.json"
        self.port = free_port()
        self.elsewhere = free_port()  # where a page of another place is that may use the broker
        self.url = f"ws://127.0.0.1:{self.port}/ws"
        self.page = f"http://127.0.0.1:{self.port}/"
        self._log = folder / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.config.write_text(json.dumps({
            "listen": {"host": "127.0.0.1", "port": self.port},
            "admin": {"host": "127.0.0.1", "port": free_port()},
            "store": {"path": str(folder / "store.db")},
            "origins": [f"http://127.0.0.1:{self.elsewhere}"],
            "topics": TOPICS,
            **sections,
        }))

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([self.program, "--config", self.config], stderr=log)
        until(lambda: is_listening(self.port), "the broker listens")

    def kill(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None


@contextlib.contextmanager
def guarded_broker(program: Path, tokens: dict[str, str], rules: list[dict[str, Any]] | None = None) -> Iterator[Broker]:
    """A broker that asks for tokens, which are given by the names of their bearers."""
    with tempfile.TemporaryDirectory(prefix="wsbroker-guarded-") as folder:
        entries = [{"name": name, "sha256": hashlib.sha256(token.encode()).hexdigest()} for name, token in tokens.items()]
        file = Path(folder) / "tokens.json"
        file.write_text(json.dumps({"tokens": entries}))
        broker = Broker(program, Path(folder), auth={"tokens": str(file), **({"rules": rules} if rules else {})})
        broker.start()
        try:
            yield broker
        finally:
            broker.kill()


class Publisher:
    """Publishes one after the other; a frame after a restart goes over a new connection."""

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._socket: Any = None

    def publish(self, topic: str, data: Any, **fields: Any) -> dict[str, Any]:
        if self._socket is None:
            self._socket = connect(
                self._url, subprotocols=["wsbroker.v1.json"], additional_headers=self._headers)
        self._socket.send(json.dumps({"op": "pub", "id": 1, "topic": topic, "data": data, **fields}))
        return json.loads(self._socket.recv(timeout=10))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class DevServer:
    def __init__(self, broker: Broker, *flags: str) -> None:
        program = Path(__file__).with_name("dev_server.py")
        command = [sys.executable, program, "--broker-url", broker.url, "--config", broker.config, "--port", "0"]
        self._process = subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()


class Traffic:
    """A busy site and a factory, so that there is something to look at."""

    def __init__(self, url: str) -> None:
        self._publisher = Publisher(url)
        self._random = random.Random(17)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()
        self._publisher.close()

    def _run(self) -> None:
        draw, publish = self._random, self._publisher.publish
        started = time.monotonic()
        while not self._stopped.wait(0.05):
            t = time.monotonic() - started
            for page, share in (("home", 0.5), ("docs", 0.3), ("pricing", 0.1), ("blog", 0.05)):
                if draw.random() < share * (0.6 + 0.4 * math.sin(t / 7)):
                    publish(f"clicks/{page}", draw.randint(1, 9))
            page = draw.choice(["/home"] * 6 + ["/docs"] * 4 + ["/pricing", "/blog", "/login"])
            took = round(draw.lognormvariate(2.9, 0.7), 2)
            publish("requests", {"ms": took, "user": f"u{draw.randint(1, 400)}", "page": page})
            if draw.random() < 0.2:
                machine = draw.choice(["press", "mill", "lathe", "oven"])
                base = {"press": 380, "mill": 210, "lathe": 150, "oven": 420}[machine]
                drawn = round(base + 40 * math.sin(t / 11) + draw.gauss(0, 9), 1)
                publish(f"factory/{machine}/power", drawn, retain=True)
            if draw.random() < 0.02:
                title = draw.choice(["Maintenance on Sunday", "All quiet"])
                publish("news", {"title": title, "by": "ops"}, retain=True)


class Page:
    """The dashboard in a browser."""

    def __init__(self) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium") or "chromium"
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars",
                         "--force-device-scale-factor=1", "--disable-background-networking"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        service = webdriver.ChromeService(shutil.which("chromedriver") or "chromedriver")
        self.driver = webdriver.Chrome(options, service)
        self.driver.set_script_timeout(60)
        self.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": """
            window.faults = [];
            addEventListener("securitypolicyviolation",
                (e) => faults.push(`CSP: ${e.violatedDirective} ${e.blockedURI}`));
            addEventListener("error", (e) => faults.push(`error: ${e.message}`));
            addEventListener("unhandledrejection", (e) => faults.push(`rejection: ${e.reason}`));
        """})

    def open(self, url: str, width: int = 1280, height: int = 800, scheme: str = "light") -> None:
        """As at the first visit, and waits until it is live."""
        self.shape(width, height, scheme)
        self.driver.get(url)
        self.script("localStorage.clear(); sessionStorage.clear()")
        self.driver.get(url)
        until(self.is_live, "the page is live")

    def shape(self, width: int, height: int, scheme: str) -> None:
        """As on a screen of this size, and on a system that likes it light or dark."""
        is_phone = width < 600
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {
            "width": width, "height": height, "deviceScaleFactor": 2 if is_phone else 1, "mobile": is_phone})
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {
            "features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def is_live(self) -> bool:
        return self.text("#state") == "Live"

    def find(self, selector: str) -> WebElement:
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def is_shown(self, selector: str) -> bool:
        return self.find(selector).is_displayed()

    def text(self, selector: str) -> str:
        return self.script("return document.querySelector(arguments[0])?.textContent ?? ''", selector)

    def script(self, source: str, *arguments: Any) -> Any:
        return self.driver.execute_script(source, *arguments)

    def press(self, *keys: str) -> None:
        """As a person who looks at what has the focus, and does not point."""
        webdriver.ActionChains(self.driver).send_keys(*keys).perform()

    def fill(self, selector: str, text: str) -> None:
        field = self.find(selector)
        field.clear()
        field.send_keys(text)

    def row(self, topic: str, part: str = ".figure") -> str:
        """The text of a part of a topic's row."""
        return self.script(ROW + "return row?.querySelector(arguments[1])?.textContent ?? ''", topic, part)

    def show_row(self, topic: str) -> None:
        self.script(ROW + "row.scrollIntoView({block: 'center'})", topic)

    def row_attribute(self, topic: str, part: str, name: str) -> str:
        return self.script(ROW + "return row?.querySelector(arguments[1])?.getAttribute(arguments[2]) ?? ''",
                           topic, part, name)

    def is_red(self, topic: str) -> bool:
        return bool(self.script(ROW + "return row?.classList.contains('raised') ?? false", topic))

    def shoot(self, file: Path) -> None:
        self.driver.save_screenshot(str(file))

    def faults(self) -> list[str]:
        """What went wrong since it was last asked: breaches of the policy, errors, what the console says."""
        said = [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] == "SEVERE"]
        return said + self.script("return faults.splice(0)")

    def close(self) -> None:
        self.driver.quit()


ROW = "const row = [...document.querySelectorAll('#list > li')].find((li) => li.topic.name === arguments[0]);"


class Stage:
    """What a test is given."""

    def __init__(self, broker: Broker, page: Page, url: str) -> None:
        self.broker = broker
        self.page = page
        self.url = url
        self.publisher = Publisher(broker.url)


@contextlib.contextmanager
def dev_server(stage: Stage, *flags: str) -> Iterator[str]:
    """A server that is what no broker can be told to be."""
    server = DevServer(stage.broker, *flags)
    try:
        yield server.url
    finally:
        stage.page.driver.get("about:blank")  # or the page would complain that its server is gone
        server.stop()


@contextlib.contextmanager
def elsewhere(stage: Stage, folder: Path) -> Iterator[str]:
    """Files at a place whose pages may use the broker."""
    port = stage.broker.elsewhere
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", folder]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: is_listening(port), "the files are served")
        yield f"http://127.0.0.1:{port}/"
    finally:
        stage.page.driver.get("about:blank")
        server.terminate()
        server.wait()


def until(condition: Callable[[], Any], what: str, seconds: float = 15) -> Any:
    """Waits for what has to come about by itself."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if result := condition():
            return result
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
