"""Chromium, as a person would use it."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",  # as root there is none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parent.parent / "vendor" / "axe" / "axe.min.js"
Scheme = Literal["light", "dark"]
PATIENCE_MS = 60_000


def chromium() -> str | None:
    """Where it is; None: it isn't installed."""
    return next((found for name in PROGRAMS if (found := shutil.which(name)) is not None), None)


@contextmanager
def browser(program: str) -> Iterator[Browser]:
    """While it is open no event loop can run in this thread."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=FLAGS, timeout=PATIENCE_MS)
        try:
            yield started
        finally:
            started.close()


@dataclass
class Tab:
    """One page, and what was wrong while it was looked at."""

    page: Page
    url: str
    wrong: list[str]

    def go(self, path: str) -> "Tab":
        self.page.goto(self.url + path)
        return self

    def sign_in(self, key: str) -> "Tab":
        self.go("/console/sign-in")
        self.page.get_by_label("Key").fill(key)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/console/receipts*")
        return self

    def text(self) -> str:
        return self.page.inner_text("main")

    def faults(self) -> list[str]:
        """What axe finds. It is put in by the debugger, as the page's own policy lets no script in."""
        session = self.page.context.new_cdp_session(self.page)
        session.send("Runtime.evaluate", {"expression": AXE.read_text("utf-8")})
        found: Any = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['nodes'][0]['target']} {one['nodes'][0]['failureSummary']}"
            for one in found["violations"]
        ]

    def overflow_px(self) -> int:
        """How much wider it is than the window."""
        return self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")


def _wrong(said: ConsoleMessage, expects: str) -> bool:
    return said.type in {"error", "warning"} and re.search(expects, said.text) is None


Open = Callable[..., Tab]
"""(url, scheme, width) to a tab."""


@contextmanager
def tabs(started: Browser) -> Iterator[Open]:
    """Opens tabs, each with cookies of its own; all that was wrong in any of them fails the test."""
    opened: list[Tab] = []

    def tab(url: str, scheme: Scheme = "light", width: int = 1280, *, expects: str = "\0") -> Tab:
        """`expects`: a pattern of what the browser may say is wrong."""
        size: ViewportSize = {"width": width, "height": 800}
        context = started.new_context(viewport=size, color_scheme=scheme, reduced_motion="reduce")
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        wrong: list[str] = []
        page.on("console", lambda said: wrong.append(said.text) if _wrong(said, expects) else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(url) else wrong.append(f"asked {asked.url}"))
        opened.append(Tab(page, url, wrong))
        return opened[-1]

    try:
        yield tab
    finally:
        for one in opened:
            with closing(one.page.context):
                pass
    wrong = [said for one in opened for said in one.wrong]
    assert not wrong, wrong
