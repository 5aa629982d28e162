"""A real Chromium for the tests of the console, which fails a test for anything that a page complains of or loads from elsewhere."""

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
# Without these, Chromium asks its maker's hosts for this and that at every start.
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
_PATIENCE_MS = 20_000
_OVERFLOW = "Math.max(...[document.documentElement, ...document.querySelectorAll('.card')].map((it) => it.scrollWidth - it.clientWidth))"


@dataclass(frozen=True)
class Look:
    """How a person looks at pages: language, width, light or dark, with or without scripts."""

    language: str = "en"
    width: int = 1280
    scheme: str = "light"
    scripts: bool = True

    def __str__(self) -> str:
        return f"{self.language}-{self.width}-{self.scheme}"


@dataclass(frozen=True)
class Window:
    """One browser window on the console, and what went wrong in it."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    async def sign_in(self, token: str, path: str = "/") -> None:
        """Sign in without a mouse, being led to `path`."""
        await self.page.goto(f"{self.url}/sign-in?next={path}")
        await expect(self.page.locator("#token")).to_be_focused()
        await self.page.keyboard.type(token)
        await self.page.keyboard.press("Enter")
        await self.page.wait_for_url(self.url + path)

    async def go(self, path: str) -> None:
        """Open a page."""
        await self.page.goto(self.url + path)

    async def overflow(self) -> int:
        """How many pixels the page is wider than the window, or what a card holds is wider than the card."""
        return int(await self.page.evaluate(_OVERFLOW))

    async def findings(self, axe: str) -> list[str]:
        """What axe-core calls serious or critical on this page."""
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
    """Install axe-core into `directory`, as the lock has it, and return its source."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(Path(__file__).parent / "axe" / name, directory)
    subprocess.run(
        ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=directory, check=True, timeout=100
    )
    return (directory / "node_modules" / "axe-core" / "axe.min.js").read_text()


@contextmanager
def chromium(directory: Path) -> Iterator[str]:
    """A headless Chromium that keeps its things in `directory`, until the end of the block; yields where to connect to."""
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
    deadline = time.monotonic() + _PATIENCE_MS / 1000
    while not (file.exists() and file.read_text().count("\n")):
        assert process.poll() is None, "Chromium ended at once"
        assert time.monotonic() < deadline, "Chromium does not start"
        time.sleep(0.05)
    return int(file.read_text().splitlines()[0])


@asynccontextmanager
async def connected(endpoint: str) -> AsyncIterator[Browser]:
    """The Chromium at `endpoint`, driven from this event loop."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(endpoint)
        yield browser
        await browser.close()


@asynccontextmanager
async def window(browser: Browser, url: str, look: Look = Look()) -> AsyncIterator[Window]:
    """A fresh window; at the end of the block nothing may have been complained of."""
    context = await browser.new_context(
        locale={"ja": "ja-JP", "en": "en-GB"}[look.language],
        viewport={"width": look.width, "height": 800},
        color_scheme="dark" if look.scheme == "dark" else "light",
        reduced_motion="reduce",
        java_script_enabled=look.scripts,
    )
    context.set_default_timeout(_PATIENCE_MS)
    expect.set_options(timeout=_PATIENCE_MS)
    opened = Window(await context.new_page(), url)
    complaints = opened.complaints
    opened.page.on(
        "console",
        lambda said: (
            complaints.append(f"console: {said.text}")
            if said.type in ("error", "warning")
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
