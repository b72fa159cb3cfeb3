"""A real Chromium for page tests, and the web process alone on a data folder for it to look at."""

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.demo_fixtures import clean_environment, free_port

try:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright
except ImportError:  # pragma: no cover - the development group brings it
    sync_playwright = None

ROOT = Path(__file__).resolve().parent.parent
DESKTOP, PHONE = (1440, 900), (390, 844)
LAUNCH_ARGUMENTS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--force-color-profile=srgb",
    "--hide-scrollbars",
]
# Streamlit asks for these beside a deep link and answers 404 itself; harmless and outside our hands.
HARMLESS = ("/_stcore/health", "/_stcore/host-config")


def chromium_path() -> str | None:
    """The Chromium to drive: CHROMIUM, else an installed one, else the one playwright has downloaded."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"):
        found = shutil.which(name)
        if found:
            return found
    return None


@pytest.fixture(scope="module")
def chromium() -> "Iterator[Browser]":
    """One browser for a file of tests, which get contexts of their own.

    Not for the whole run: as long as its driver lives, this thread counts as inside an event loop, and no other test could run one.
    """
    if sync_playwright is None:
        pytest.skip("playwright is not installed")
    with sync_playwright() as driver:
        path = chromium_path()
        if path is None and not Path(driver.chromium.executable_path).exists():
            pytest.skip("no Chromium found: install one or name it in CHROMIUM")
        browser = driver.chromium.launch(executable_path=path, args=LAUNCH_ARGUMENTS)
        yield browser
        browser.close()


@dataclass
class Witness:
    """What went wrong in the browser while a test looked at a page."""

    errors: list[str] = field(default_factory=list)
    outside_requests: list[str] = field(default_factory=list)

    def watch(self, page: "Page") -> None:
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        page.on("console", self._hear)
        page.on("request", self._see)

    def _hear(self, message: "ConsoleMessage") -> None:
        where = str(message.location.get("url", ""))
        if message.type == "error" and not where.endswith(HARMLESS):
            self.errors.append(f"{message.text} ({where})")

    def _see(self, request: "Request") -> None:
        if request.url.startswith(("data:", "blob:", "about:")):
            return
        host = request.url.split("://", 1)[-1].split("/", 1)[0].split(":")[0]
        if host not in {"127.0.0.1", "localhost"}:
            self.outside_requests.append(request.url)


OpenPage = Callable[..., "Page"]


@pytest.fixture
def open_page(chromium: "Browser") -> Iterator[OpenPage]:
    """`open_page(url, size=DESKTOP, scheme="light")`; fails the test on any script error or outside request."""
    witness = Witness()
    contexts: list[Any] = []

    def open_it(url: str, *, size: tuple[int, int] = DESKTOP, scheme: str = "light") -> "Page":
        is_phone = size[0] < 600
        agent = {"user_agent": PHONE_AGENT} if is_phone else {}
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            reduced_motion="reduce",
            has_touch=is_phone,
            **agent,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # two cores may be busy with the rest of the suite
        witness.watch(page)
        page.goto(url)
        settle(page)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert witness.errors == []
    assert witness.outside_requests == []


PHONE_AGENT = (
    "Mozilla/5.0 (Linux; Android 16; Pixel 10) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Mobile Safari/537.36"
)


def settle(page: "Page") -> None:
    """Wait until the script has run, nothing is stale and the fonts are there."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    page.wait_for_function(
        '() => !document.querySelector(\'[data-stale="true"], [data-testid="stSkeleton"], [data-testid="stSpinner"]\')'
    )
    page.evaluate("() => document.fonts.ready.then(() => true)")


def wait_until_served(url: str, process: "subprocess.Popen[str]", seconds: float = 60.0) -> None:
    """Wait for the health answer; a process that dies first tells why."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server stopped with {process.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within {seconds} s")


@pytest.fixture(scope="session")
def serve_home() -> Iterator[Callable[..., str]]:
    """`serve_home(home, DATABASE_URL=…)` starts the web process alone on that data folder and returns its address."""
    processes: list[subprocess.Popen[str]] = []

    def serve(home: Path, **more: str) -> str:
        port = free_port()
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "serve.py"), "--port", str(port), "--watch-stdin"],
            cwd=home,
            env=clean_environment(home, **more),
            stdin=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        url = f"http://127.0.0.1:{port}"
        wait_until_served(url, process)
        return url

    yield serve
    for process in processes:
        assert process.stdin is not None
        process.stdin.close()
    for process in processes:
        process.wait(20)
