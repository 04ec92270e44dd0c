"""A real browser for the tests of pages: headless Chromium, driven over its DevTools pipe, no library between.

A test that takes `browser` is skipped where none can be had; with METADATA_ETL_REQUIRE_BROWSER=1 it fails instead.
"""

import base64
import itertools
import json
import os
import selectors
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import pytest
from support.chromium import MissingBrowserError, executable

_FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # tests may run as root, where Chromium has no sandbox
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--lang=en-US",
)
_ANSWER_SECONDS = 60
KEYS = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowRight": 39, "ArrowLeft": 37, " ": 32, "/": 191}
"""Key codes of the keys that tests press."""


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """A browser that runs as long as this process tests."""
    try:
        program = executable()
    except MissingBrowserError as error:
        reason = f"no Chromium: {error}"
        if os.environ.get("METADATA_ETL_REQUIRE_BROWSER") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    with running(program) as found:
        yield found


@contextmanager
def running(program: str) -> Iterator["Browser"]:
    """Starts a browser with a profile of its own, and ends it."""
    to_it, from_us = os.pipe()
    to_us, from_it = os.pipe()
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        # It reads from 3 and writes to 4: bash puts our pipes there.
        shell = ["bash", "-c", f'exec "$@" 3<&{to_it} 4>&{from_it}', "bash"]
        process = subprocess.Popen(
            [*shell, program, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(to_it, from_it),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_it)
        os.close(from_it)
        with os.fdopen(from_us, "wb", buffering=0) as sent, os.fdopen(to_us, "rb", buffering=0) as received:
            made = Browser(sent, received)
            try:
                yield made
            finally:
                try:
                    made.call("Browser.close")
                    process.wait(timeout=20)
                except (OSError, EOFError, TimeoutError, subprocess.TimeoutExpired):
                    process.kill()
                    process.wait()


@dataclass
class Browser:
    """A browser, and the messages between it and the tests.

    Attributes:
        pages: Those that a test has opened, by their session.
        idle: Those that no test has open, empty; the next ones to be opened.
    """

    sent: BinaryIO
    received: BinaryIO
    pages: dict[str, "Page"] = field(default_factory=dict)
    idle: list["Page"] = field(default_factory=list)
    _left: bytes = b""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Sends a command and returns its result; events that come meanwhile go to their pages."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self.sent.write(json.dumps(message).encode() + b"\0")
        until = time.monotonic() + _ANSWER_SECONDS
        while True:
            answer = self._next(until, method)
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            page = self.pages.get(answer.get("sessionId", ""))
            if page is not None and "method" in answer:  # else the answer to a dialog
                page.note(answer["method"], answer["params"])

    def _next(self, until: float, method: str) -> dict[str, Any]:
        while b"\0" not in self._left:
            with selectors.DefaultSelector() as waiting:  # which takes descriptors of any number
                waiting.register(self.received, selectors.EVENT_READ)
                ready = waiting.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError(f"the browser did not answer {method}")
            read = os.read(self.received.fileno(), 1 << 20)
            if not read:
                raise EOFError("the browser has ended")
            self._left += read
        line, _, self._left = self._left.partition(b"\0")
        return dict(json.loads(line))

    @contextmanager
    def page(self, url: str, *, width: int = 1200, height: int = 900, dark: bool = False) -> Iterator["Page"]:
        """Opens a page that knows nothing of those before it, and waits until it has loaded."""
        made = self.idle.pop() if self.idle else self._new_page()
        made.complaints, made.requests = [], []
        self.pages[made.session] = made
        try:
            made.media("dark" if dark else "light")
            made.resize(width, height)
            made.go(url)
            yield made
            made.forget()
            self.idle.append(made)
        except BaseException:  # it is not opened again
            self.call("Target.disposeBrowserContext", browserContextId=made.context)
            raise
        finally:
            del self.pages[made.session]

    def _new_page(self) -> "Page":
        """A page in a context of its own; to start the process of one costs as much as what most tests do in it."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        made = Page(self, context, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            made.call(f"{domain}.enable")
        return made


@dataclass
class Page:
    """A page in a browser.

    Attributes:
        context: What it shares no storage with others by.
        complaints: What it said on the console as an error or a warning, and what the browser said of it.
        requests: URL of everything that it asked for.
    """

    browser: Browser
    context: str
    session: str
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    _loaded: bool = False

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command to this page."""
        return self.browser.call(method, self.session, **parameters)

    def note(self, method: str, said: dict[str, Any]) -> None:
        """Takes an event."""
        match method:
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent":
                self.requests.append(said["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(said["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if said["type"] in ("error", "warning", "assert"):
                self.complaints.append(json.dumps(said["args"]))
            case "Log.entryAdded" if said["entry"]["level"] in ("error", "warning"):
                self.complaints.append(json.dumps(said["entry"]))
            # Not that a script went from address to address without a click: tests do.
            case "Audits.issueAdded" if "NavigationEntryMarkedSkippable" not in json.dumps(said):
                self.complaints.append(json.dumps(said["issue"]))
            case "Page.javascriptDialogOpening":
                self.complaints.append(f"dialog: {said['message']}")
                # It waits for an answer, which nothing here waits for.
                number = next(self.browser._numbers)
                command = {"id": number, "method": "Page.handleJavaScriptDialog", "sessionId": self.session}
                self.browser.sent.write(json.dumps(command | {"params": {"accept": True}}).encode() + b"\0")

    def go(self, url: str) -> None:
        """Loads another address and waits until it is there."""
        self._loaded = False
        self.call("Page.navigate", url=url)
        while not self._loaded:
            self.evaluate("0")

    def forget(self) -> None:
        """Leaves nothing for who opens it next: no storage, no cache, no history, no script that runs."""
        self.call("Emulation.setScriptExecutionDisabled", value=False)
        self.evaluate("try { localStorage.clear(); sessionStorage.clear() } catch { /* about:blank has none */ }")
        self.call("Network.clearBrowserCache")
        self.go("about:blank")
        self.call("Page.resetNavigationHistory")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression, awaited if it is a promise.

        Raises:
            AssertionError: It throws.
        """
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise AssertionError(f"{expression}: {json.dumps(found['exceptionDetails'])}")
        return found["result"].get("value")

    def settle(self) -> None:
        """Waits until what came into view has been drawn: two frames, and a turn of the observers."""
        self.evaluate(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 60))))"
        )

    def wait_for(self, expression: str) -> None:
        """Waits until an expression is true.

        Raises:
            AssertionError: It is not within a minute.
        """
        until = time.monotonic() + _ANSWER_SECONDS
        while not self.evaluate(expression):
            assert time.monotonic() < until, f"never came true: {expression}"
            self.settle()

    def press(self, key: str, *, shift: bool = False) -> None:
        """Presses and releases a key, with Shift or without."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        known = {"key": key, "windowsVirtualKeyCode": KEYS.get(key, 0), "code": {" ": "Space"}.get(key, key)}
        known["modifiers"] = 8 if shift else 0
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **known)
        self.call("Input.dispatchKeyEvent", type="keyUp", **known)
        self.settle()

    def type(self, text: str) -> None:
        """Types into what has the focus."""
        self.call("Input.insertText", text=text)
        self.settle()

    def click(self, selector: str) -> None:
        """Clicks in the middle of the first element that a selector names, scrolled into view."""
        place = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const b = e.getBoundingClientRect(); return {x: b.x + b.width / 2, y: b.y + b.height / 2}; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **place)
        self.settle()

    def hover(self, x: float, y: float) -> None:
        """Moves the pointer to a place in the window."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        self.settle()

    def media(self, theme: str = "light", kind: str = "") -> None:
        """Lets the page think that it is on paper (`print`), or that the system is light or dark."""
        features = [
            {"name": "prefers-color-scheme", "value": theme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        self.call("Emulation.setEmulatedMedia", media=kind, features=features)

    def resize(self, width: int, height: int) -> None:
        """Sets the size of the window."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def screenshot(self) -> bytes:
        """What is in the window, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def pdf(self) -> bytes:
        """The page on paper."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"])
