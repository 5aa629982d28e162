"""Chromium for the console's tests; console messages and foreign requests fail a test."""

import json
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Browser, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
# Without these, Chromium sends requests to its vendor at every start.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_TIMEOUT_MS = 20_000
_OVERFLOW = """
Math.max(
  ...[document.documentElement, ...document.querySelectorAll(".card")]
    .map((it) => it.scrollWidth - it.clientWidth)
)
"""


@dataclass(frozen=True)
class Look:
    """Browser settings: language, width, colour scheme, scripts."""

    language: str = "en"
    width: int = 1280
    scheme: str = "light"
    scripts: bool = True

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{self.scheme}"


@dataclass(frozen=True)
class Window:
    """A browser window on the console, with the complaints of its pages."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    async def sign_in(self, token: str, path: str = "/") -> None:
        """Sign in with the keyboard and wait for `path`."""
        await self.page.goto(f"{self.url}/sign-in?next={path}")
        await expect(self.page.locator("#token")).to_be_focused()
        await self.page.keyboard.type(token)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url(self.url + path)

    async def go(self, path: str) -> None:
        """Open a page."""
        await self.page.goto(self.url + path)

    async def overflow(self) -> int:
        """Return the pixels by which the page exceeds the window, or a card's content the card."""
        return int(await self.page.evaluate(_OVERFLOW))

    async def findings(self, axe: str) -> list[str]:
        """Return the serious and critical findings of axe-core on this page."""
        await self.page.evaluate(axe)
        result = json.loads(
            await self.page.evaluate("axe.run().then((found) => JSON.stringify(found.violations))")
        )
        return [
            f"{rule['id']}: {node['target']} {node['failureSummary']}"
            for rule in result
            if rule["impact"] in ("serious", "critical")
            for node in rule["nodes"]
        ]


def axe_source(directory: Path) -> str:
    """Install the locked axe-core into `directory` and return its source."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(Path(__file__).parent / "axe" / name, directory)
    subprocess.run(
        ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=directory, check=True, timeout=100
    )
    return (directory / "node_modules" / "axe-core" / "axe.min.js").read_text()


@contextmanager
def chromium(directory: Path) -> Iterator[str]:
    """Run a headless Chromium with its profile in `directory`; yield its endpoint."""
    program = [
        CHROMIUM,
        "--headless",
        *_FLAGS,
        "--remote-debugging-port=0",
        f"--user-data-dir={directory}",
        "about:blank",
    ]
    with subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://127.0.0.1:{_port_of(process, directory / 'DevToolsActivePort')}"
        finally:
            process.terminate()


def _port_of(process: subprocess.Popen[bytes], file: Path) -> int:
    deadline = time.monotonic() + _TIMEOUT_MS / 1000
    while not (file.exists() and file.read_text().count("\n")):
        assert process.poll() is None, "Chromium ended at once"
        assert time.monotonic() < deadline, "Chromium does not start"
        time.sleep(0.05)
    return int(file.read_text().splitlines()[0])


@asynccontextmanager
async def connected(endpoint: str) -> AsyncIterator[Browser]:
    """Connect to the Chromium at `endpoint` from this event loop."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(endpoint)
        yield browser
        await browser.close()


@asynccontextmanager
async def window(browser: Browser, url: str, look: Look = Look()) -> AsyncIterator[Window]:
    """Open a new window; fail at the end of the block if a page complained."""
    context = await browser.new_context(
        locale={"ja": "ja-JP", "en": "en-GB"}[look.language],
        viewport={"width": look.width, "height": 800},
        color_scheme="dark" if look.scheme == "dark" else "light",
        reduced_motion="reduce",
        java_script_enabled=look.scripts,
    )
    context.set_default_timeout(_TIMEOUT_MS)
    expect.set_options(timeout=_TIMEOUT_MS)
    opened = Window(await context.new_page(), url)
    complaints = opened.complaints
    opened.page.on(
        "console",
        lambda message: (
            complaints.append(f"console: {message.text}")
            if message.type in ("error", "warning")
            else None
        ),
    )
    opened.page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    opened.page.on(
        "request",
        lambda asked: (
            complaints.append(f"request: {asked.url}") if not _ours(asked.url, url) else None
        ),
    )
    yield opened
    await context.close()
    assert complaints == [], complaints


def _ours(asked: str, url: str) -> bool:
    return asked.startswith((url + "/", "data:"))
