"""Tells others of approvals by POST, as JSON or as a message for a chat, until they have taken it or it is given up."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Mapping
from hashlib import sha256

import msgspec
from msgspec import structs

from antiphon.calls.breaker import Breaker
from antiphon.calls.breaker_shared import MemoryBreakers
from antiphon.calls.settings_failure import BreakerSettings
from antiphon.control.approvals import Book
from antiphon.control.approvals_shown import shown
from antiphon.control.settings_approvals import ApprovalSettings, NotifySettings
from antiphon.core.approval import Approval
from antiphon.core.approval_store import Message
from antiphon.core.error import AntiphonError, UpstreamError
from antiphon.core.ports import Transport
from antiphon.net.post import Hook, posted

log = logging.getLogger("antiphon.approvals")
S_NS = 1_000_000_000
EVERY_S = 1.0
"""Between two looks at what is due."""
LEASE_NS = 120 * S_NS
"""A process that takes a message and dies loses it for so long."""
AT_ONCE = 16
FIRST_GAP_S = 2.0
"""Before the second try; each further gap is four times as long, up to the most."""
MOST_GAP_S = 600.0
MOST_ANSWER_BYTES = 65_536
MOST_TEXT = 2800
"""Characters of the action in a chat message. Source: Slack's limit of 3000 for a block's text
(docs.slack.dev/reference/block-kit/blocks/section-block, 2026-11)."""
WELL = range(200, 300)
_WORDS: Mapping[str, str] = {
    "asked": "needs approval",
    "escalated": "still needs approval",
    "approved": "was approved",
    "modified": "was approved in another form",
    "rejected": "was rejected",
    "expired": "has lapsed",
    "cancelled": "was cancelled",
}


def name_of(one: NotifySettings) -> str:
    """What messages call whoever is told: the same while the address and the form are."""
    return sha256(f"{one.form}\0{one.url.reveal()}".encode()).hexdigest()[:16]


class Telling:
    """Lets time pass for approvals, and sends what is due. One per gateway; several of them share the work."""

    def __init__(
        self,
        book: Book,
        settings: ApprovalSettings,
        transport: Transport,
        now_ns: Callable[[], int],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now_s`: steady seconds."""
        self._book = book
        self._link = settings.link
        self._transport = transport
        self._now_ns, self._now_s = now_ns, now_s
        chance = random.Random()  # noqa: S311 - spreads probes in time; it guards nothing
        self._hooks = {name_of(one): one for one in settings.notify}
        self._breakers = {
            name: Breaker(f"approvals/{name}", BreakerSettings(), MemoryBreakers(), chance.random)
            for name in self._hooks
        }

    async def step(self) -> int:
        """Do what is due once. Returns: how many messages were tried. Raises: StoreError."""
        await asyncio.to_thread(self._book.pass_time)
        if not self._hooks:
            return 0
        now_ns = self._now_ns()
        claimed = await asyncio.to_thread(self._book.store.claim, now_ns, now_ns + LEASE_NS, AT_ONCE)
        await asyncio.gather(*(self._tell(message) for message in claimed))
        return len(claimed)

    async def _tell(self, message: Message) -> None:
        """Send one message, and keep what came of it. Raises: StoreError."""
        store, hook = self._book.store, self._hooks.get(message.hook)
        found = await asyncio.to_thread(self._book.find, message.approval)
        if hook is None or found is None:
            await asyncio.to_thread(store.sent, message.number)
            return
        reason = await self._reason(message, hook, found)
        if not reason:
            await asyncio.to_thread(store.sent, message.number)
            return
        tries = message.tries + 1
        gap_s = min(FIRST_GAP_S * 4.0 ** (tries - 1), MOST_GAP_S)
        kept = structs.replace(
            message, tries=tries, reason=reason, dead=tries >= hook.tries, due_ns=self._now_ns() + round(gap_s * S_NS)
        )
        if kept.dead:
            told = {"approval": message.approval, "event": message.event, "reason": reason}
            log.error("approval.not_told", extra=told)
        await asyncio.to_thread(store.unsent, kept)

    async def _reason(self, message: Message, hook: NotifySettings, found: Approval) -> str:
        """Post it once. Returns: what was wrong; empty: nothing."""
        breaker, began_s = self._breakers[message.hook], self._now_s()
        pass_ = breaker.admit(began_s)
        if not pass_:
            return f"it is left alone: {breaker.state(began_s).reason}"
        body = body_of(message, hook, found, self._link)
        post = Hook(url=hook.url, secret=hook.secret, timeout_s=hook.timeout_s)
        try:
            async with asyncio.timeout(hook.timeout_s):
                inbound = await self._transport.send(posted(body, post, self._now_ns() // S_NS))
                try:
                    await inbound.read(MOST_ANSWER_BYTES)
                except UpstreamError:
                    inbound.close()
                    raise
            reason = "" if inbound.status in WELL else f"it answered {inbound.status}"
        except AntiphonError as error:
            reason = error.message
        except TimeoutError:
            reason = f"no answer within {hook.timeout_s:g} s"
        if reason:
            breaker.failed(pass_, self._now_s(), reason)
        else:
            breaker.succeeded(pass_, self._now_s(), self._now_s() - began_s)
        return reason


def body_of(message: Message, hook: NotifySettings, found: Approval, link: str) -> bytes:
    """A message in the form that its receiver takes."""
    page = link.replace("{id}", found.id) if link else ""
    if hook.form == "slack":
        return msgspec.json.encode(_chat(message.event, found, page, shows=hook.shown))
    said = shown(found)
    if not hook.shown:
        said = structs.replace(said, shown=None, instead=None, changes=[])
    return msgspec.json.encode({"event": f"approval.{message.event}", "link": page, "approval": said})


def _chat(event: str, found: Approval, page: str, *, shows: bool) -> dict[str, object]:
    """Source: docs.slack.dev/reference/block-kit, 2026-11. What others wrote stands in code marks, or is escaped."""
    wish = found.wish
    title = f"{_escaped(wish.action)} on {_escaped(wish.resource)} {_WORDS.get(event, event)}"
    facts = [
        f"*Who asks*\n{_escaped(wish.by)} ({_escaped(wish.tenant)})",
        f"*Why*\n{_escaped(', '.join(wish.reasons)) or '-'}",
        f"*Needs*\n{wish.needed} x {_escaped(wish.escalate_to if event == 'escalated' else wish.approvers)}",
        f"*Approval*\n{found.id}",
    ]
    blocks: list[dict[str, object]] = [
        {"type": "section", "text": {"type": "mrkdwn", "text": f"*{title}*"}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": text} for text in facts]},
    ]
    if shows:
        said = (found.instead or wish.shown).decode(errors="replace")
        cut = said if len(said) <= MOST_TEXT else f"{said[:MOST_TEXT]}… ({len(said)} characters)"
        code = _escaped(cut).replace("`", "'")
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": f"```{code}```"}})
    if page:
        button = {"type": "button", "text": {"type": "plain_text", "text": "Open"}, "url": page}
        blocks.append({"type": "actions", "elements": [button]})
    return {"text": title, "blocks": blocks}


def _escaped(text: str) -> str:
    """Source: docs.slack.dev/messaging/formatting-message-text#escaping, 2026-11."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
