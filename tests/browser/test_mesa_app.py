"""Mesa's app in a headless browser: it loads without the internet, steps and plays.

Runs where the extra `app` and Chromium are installed; elsewhere it says what is missing.
"""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

APP = Path(__file__).parents[2] / "examples" / "mesa_app.py"
PAGE, TOOLS = "http://localhost:8917", "http://localhost:9317/json"

pytestmark = pytest.mark.slow


class Browser:
    """A page under Chromium's debugging protocol."""

    def __init__(self, socket: Any) -> None:
        self.socket, self.numbers = socket, itertools.count(1)
        self.requests: list[str] = []
        self.errors: list[str] = []

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self.numbers)
        self.socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self.socket.recv(timeout=60))
            match message:
                case {"method": "Network.requestWillBeSent", "params": {"request": {"url": url}}}:
                    self.requests.append(url)
                case {"method": "Runtime.exceptionThrown", "params": {"exceptionDetails": error}}:
                    self.errors.append(str(error))
            if message.get("id") == number:
                result: dict[str, Any] = message["result"]
                return result

    def evaluate(self, expression: str) -> Any:
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return found["result"].get("value")

    def click(self, label: str) -> None:
        same = f"b => b.innerText.trim().toUpperCase() === {json.dumps(label)}"
        self.evaluate(f"[...document.querySelectorAll('button')].find({same}).click()")

    def step(self) -> int:
        shown = self.evaluate(r"document.body?.innerText.match(/Step:\s*(\d+)/)?.[1]")
        return -1 if shown is None else int(shown)

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))


def until(condition: Callable[[], Any], *, seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except OSError:
            pass
        time.sleep(0.5)
    raise TimeoutError("the page did not get there")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    pytest.importorskip("solara", reason="the extra `app` is not installed")
    client = pytest.importorskip("websockets.sync.client")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("Chromium is not installed")
    serve = [sys.executable, "-m", "solara", "run", str(APP), "--no-open", "--production"]
    show = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=9317"]
    show += ["--window-size=1300,900", f"--user-data-dir={tmp_path}", "about:blank"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    env = {**os.environ, "SOLARA_TELEMETRY_MIXPANEL_ENABLE": "False"}
    jobs = [
        subprocess.Popen([*serve, "--port", "8917"], env=env, **quiet),  # type: ignore[call-overload]
        subprocess.Popen([chromium, *show], **quiet),  # type: ignore[call-overload]
    ]
    try:
        until(lambda: urllib.request.urlopen(PAGE).status == 200)
        tabs = until(lambda: json.load(urllib.request.urlopen(TOOLS)))
        address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
        with client.connect(address, max_size=2**26) as socket:
            page = Browser(socket)
            for part in ("Network", "Page", "Runtime"):
                page.call(f"{part}.enable")
            page.call("Page.navigate", url=PAGE)
            until(lambda: page.step() == 0)
            yield page
    finally:
        for job in jobs:
            job.kill()
            job.wait()


def test_the_app_steps_and_plays_without_the_internet(browser: Browser, tmp_path: Path) -> None:
    for made in (1, 2):
        browser.click("STEP")
        until(lambda made=made: browser.step() == made)
    browser.click("▶")
    until(lambda: browser.step() >= 6)
    assert browser.evaluate("document.querySelectorAll('img, svg').length") > 0
    browser.picture(tmp_path / "app.png")
    assert (tmp_path / "app.png").stat().st_size > 20_000
    assert browser.errors == []
    local = ("http://localhost", "ws://localhost", "data:", "blob:")
    assert [url for url in browser.requests if not url.startswith(local)] == []
