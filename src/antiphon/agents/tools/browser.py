"""A browser as tools: what is read is a stranger's, what is sent can be read outside, and what can't be undone a person approves."""

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.browser_session import Session
from antiphon.agents.tools.files import put
from antiphon.agents.tools.folder import Folder, Limits
from antiphon.agents.tools.settings_browser import BrowserSpec
from antiphon.agents.tools.text import cut
from antiphon.core.tool import Tool, ToolContext, ToolResult
from antiphon.net.egress import Egress

if TYPE_CHECKING:
    from playwright.async_api import Page

MOST_NAME = 200
MOST_ELEMENTS = 100
MOST_SHOT_BYTES = 16_777_216
PATIENCE_MS = 10_000
LOOKS = 5
"""At a page that goes on to another address meanwhile."""
_NAMED: dict[str, Any] = {"type": "string", "minLength": 1, "description": "Its name, as `read` tells it."}
_PLACE: dict[str, Any] = {"type": "integer", "minimum": 0, "maximum": 10_000}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


PARTS: Mapping[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "open": (
        "Opens a page by its address.",
        _object(["url"], url={"type": "string", "pattern": "^https?://", "description": "Its address."}),
        {"effect": "idempotent", "sends": True, "untrusted": True, "destructive": False, "risky": ("url",)},
    ),
    "read": (
        "Reads the page: its text, and what can be pressed or filled, with names and places.",
        _object([]),
        {"effect": "pure", "sends": False, "untrusted": True, "destructive": False, "risky": ()},
    ),
    "follow": (
        "Presses a link or button by its name, if nothing is bought, sent, deleted or agreed to by that.",
        _object(["name"], name=_NAMED),
        {"effect": "at_most_once", "sends": True, "untrusted": True, "destructive": False, "risky": ()},
    ),
    "click": (
        "Presses anything, by its name or at a place on the page. A person approves it.",
        _object(["why"], name=_NAMED, x=_PLACE, y=_PLACE, why={"type": "string", "description": "What it is for."}),
        {"effect": "at_most_once", "sends": True, "untrusted": True, "destructive": True, "risky": ()},
    ),
    "type": (
        "Fills a field by its name; nothing is sent off by that.",
        _object(["name", "text"], name=_NAMED, text={"type": "string", "maxLength": 10_000}),
        {"effect": "idempotent", "sends": True, "untrusted": True, "destructive": False, "risky": ("text",)},
    ),
    "screenshot": (
        "Takes a picture of the page into the run's files.",
        _object([], file={"type": "string", "pattern": "^[A-Za-z0-9._-]+$", "description": "Default page.png."}),
        {"effect": "idempotent", "sends": False, "untrusted": True, "destructive": False, "risky": ()},
    ),
}
"""Description, schema and what is known of each, by the part behind `NAME__`."""
_SEEN = """() => {
  const out = [];
  for (const one of document.querySelectorAll('a[href],button,input,select,textarea,[role=button],[role=link]')) {
    const at = one.getBoundingClientRect();
    if (!at.width || !at.height || one.type === 'hidden') continue;
    const label = one.labels && one.labels.length ? one.labels[0].innerText : '';
    const name = (one.getAttribute('aria-label') || label || one.innerText || one.placeholder || one.value || one.name || '').trim();
    out.push({kind: one.tagName.toLowerCase() + (one.type ? ':' + one.type : ''), name: name.slice(0, 200),
              x: Math.round(at.x + at.width / 2), y: Math.round(at.y + at.height / 2)});
    if (out.length >= 100) break;
  }
  return {title: document.title, url: location.href, text: document.body ? document.body.innerText : '', seen: out};
}"""


class Browsers:
    """Browsers of one document, by run."""

    def __init__(
        self, spec: BrowserSpec, egress: Callable[[], Egress], now_s: Callable[[], float] = time.monotonic
    ) -> None:
        self.spec = spec
        self._egress, self._now_s = egress, now_s
        self._sessions: dict[str, Session] = {}
        self._lock = asyncio.Lock()
        self.risky = re.compile(r"\b(" + "|".join(map(re.escape, spec.risky_words)) + r")\b", re.IGNORECASE)

    async def session(self, context: ToolContext) -> Session:
        """The one of a run. Raises: ToolFailed."""
        key = (
            context.run or f"{context.principal.tenant}/{context.principal.subject()}/{context.session or context.step}"
        )
        async with self._lock:
            await self._swept()
            found = self._sessions.get(key)
            if found is None:
                if len(self._sessions) >= self.spec.sessions:
                    say = f"all {self.spec.sessions} browsers are in use; try again later"
                    raise ToolFailed("unavailable", say, retryable=True)
                found = Session(self.spec, self._egress)
                try:
                    await found.start()
                except BaseException:
                    await found.close()
                    raise
                self._sessions[key] = found
            found.used_s = self._now_s()
            return found

    async def _swept(self) -> None:
        idle = [key for key, one in self._sessions.items() if self._now_s() - one.used_s > self.spec.idle_s]
        for key in idle:
            await self._sessions.pop(key).close()

    async def close(self) -> None:
        async with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
            for one in sessions:
                await one.close()


class BrowserHand(Hand):
    """One of its tools."""

    personal = True

    def __init__(self, tool: Tool, part: str, browsers: Browsers) -> None:
        self.tool, self._part, self._browsers = tool, part, browsers

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        session = await self._browsers.session(context)
        from playwright.async_api import Error  # noqa: PLC0415 - an extra

        session.refused.clear()
        try:
            match self._part:
                case "open":
                    return await self._opened(session, str(arguments["url"]))
                case "read":
                    return await self._read(session)
                case "follow":
                    return await self._followed(session, str(arguments["name"]))
                case "click":
                    return await self._clicked(session, arguments)
                case "type":
                    return await self._typed(session, str(arguments["name"]), str(arguments["text"]))
                case _:
                    return await self._shot(session, str(arguments.get("file") or "page.png"), context)
        except Error as error:
            unknown = self.tool.effect != "pure"
            raise ToolFailed("failed", f"the page didn't take it: {str(error)[:300]}", unknown=unknown) from error

    async def close(self) -> None:
        await self._browsers.close()

    async def _opened(self, session: Session, url: str) -> ToolResult:
        from playwright.async_api import Error  # noqa: PLC0415 - an extra

        page = session.page
        assert page is not None
        try:
            answer = await page.goto(url, timeout=PATIENCE_MS, wait_until="domcontentloaded")
        except Error as error:
            if session.refused:
                raise ToolFailed("refused", session.refused[0]) from error
            raise ToolFailed("failed", f"{url[:200]} doesn't open: {str(error)[:200]}") from error
        status = 0 if answer is None else answer.status
        if status == 403 and session.refused:
            raise ToolFailed("refused", session.refused[0])
        return await self._read(session, status)

    async def _read(self, session: Session, status: int = 200) -> ToolResult:
        page = session.page
        assert page is not None
        found = await _seen(page)
        text, short = cut(str(found["text"]), self._browsers.spec.text_bytes)
        elements = [f"{one['kind']} {one['name']!r} at {one['x']},{one['y']}" for one in found["seen"]]
        said = [f"{found['title']} <{found['url']}>", "", text, "", "Can be pressed or filled:", *elements]
        if session.refused:
            said += ["", "Left out, since it may not be visited:", *session.refused]
        data = {"url": found["url"], "title": found["title"], "status": status, "elements": found["seen"]}
        return ToolResult(text="\n".join(said), data=data, cut=short)

    async def _followed(self, session: Session, name: str) -> ToolResult:
        found = await self._one(session, name)
        if self._browsers.risky.search(f"{name} {found['name']}") or found["kind"] in ("button:submit", "input:submit"):
            say = f"{name!r} may do what can't be undone: use the tool click, which a person approves"
            raise ToolFailed("refused", say)
        return await self._pressed(session, found["x"], found["y"])

    async def _clicked(self, session: Session, arguments: Mapping[str, Any]) -> ToolResult:
        x, y, name = arguments.get("x"), arguments.get("y"), arguments.get("name")
        if name is not None:
            found = await self._one(session, str(name))
            x, y = found["x"], found["y"]
        if x is None or y is None:
            raise ToolFailed("invalid_arguments", "say what to press: its name, or x and y")
        return await self._pressed(session, int(x), int(y))

    async def _pressed(self, session: Session, x: int, y: int) -> ToolResult:
        page = session.page
        assert page is not None
        await page.mouse.click(x, y)
        await page.wait_for_load_state("domcontentloaded", timeout=PATIENCE_MS)
        return await self._read(session)

    async def _typed(self, session: Session, name: str, text: str) -> ToolResult:
        found = await self._one(session, name)
        if found["kind"] == "input:password":
            raise ToolFailed("refused", "passwords are not typed here; a person signs in")
        page = session.page
        assert page is not None
        await page.mouse.click(found["x"], found["y"], click_count=3)
        await page.keyboard.insert_text(text)
        return await self._read(session)

    async def _shot(self, session: Session, file: str, context: ToolContext) -> ToolResult:
        page = session.page
        assert page is not None
        raw = await page.screenshot(timeout=PATIENCE_MS)
        folder = Folder(context.workspace, Limits(file_bytes=MOST_SHOT_BYTES))
        name = file if file.endswith(".png") else f"{file}.png"
        return await asyncio.to_thread(put, folder, name, raw)

    async def _one(self, session: Session, name: str) -> Mapping[str, Any]:
        """What is meant by a name. Raises: ToolFailed."""
        page = session.page
        assert page is not None
        seen: list[dict[str, Any]] = (await _seen(page))["seen"]
        wanted = name.strip().casefold()
        found = [one for one in seen if str(one["name"]).strip().casefold() == wanted]
        if len(found) != 1:
            names = ", ".join(sorted({repr(one["name"]) for one in seen if one["name"]})[:20])
            what = "nothing" if not found else f"{len(found)} things"
            raise ToolFailed(
                "not_found",
                f"{what} on the page of {urlsplit(page.url).netloc} is called {name[:MOST_NAME]!r}; there is {names}",
            )
        return found[0]


async def _seen(page: "Page") -> dict[str, Any]:
    """What is on a page, once it stands still."""
    from playwright.async_api import Error  # noqa: PLC0415 - an extra

    for _ in range(LOOKS):
        try:
            await page.wait_for_load_state("domcontentloaded", timeout=PATIENCE_MS)
            return await page.evaluate(_SEEN)
        except Error as error:
            if "navigation" not in str(error):
                raise
    raise ToolFailed("failed", "the page goes from one address to the next without an end", retryable=True)
