"""Files and batches, kept by the provider that owns them, each for its tenant alone."""

import secrets
from collections.abc import Callable, Mapping
from typing import Protocol
from urllib.parse import urlencode

from msgspec import Raw as RawJson
from msgspec import Struct, json, structs

from antiphon.calls.attempt import Try
from antiphon.calls.errands import FREE
from antiphon.calls.story import Story
from antiphon.control import form, kept
from antiphon.control.desk import Desk
from antiphon.control.gated import gated
from antiphon.control.handles import Handles, Thing
from antiphon.control.kept import MARK, Entry
from antiphon.control.passthrough_meter import Reading
from antiphon.control.relayed import Out, answered, count, judged, relay
from antiphon.core.body import Body
from antiphon.core.error import AntiphonError, BadRequest, NotAllowed, NotFound, TooLarge
from antiphon.core.principal import Principal
from antiphon.core.verdict import Verdict
from antiphon.governance.parts import Errand
from antiphon.providers.raw import Asking, Raw

MAY = Verdict(allowed=True, reasons=("provider.files", "key.models"))
MAX_ANSWER_BYTES = 8_388_608
MAX_ASK_BYTES = 65_536
MOST_PAGES = 20
"""Pages of a provider's list that are looked through for a tenant's own."""
PAGE = 100
MOST_LISTED = 10_000
MOST_PAIRS = 15
"""Of a batch's metadata: one of the 16 that OpenAI takes says whose it is."""


class Whole(Out, Protocol):
    """Where an answer goes, whole or as it comes."""

    def whole(self, status: int, headers: bytes, body: bytes) -> None: ...


class Wanted(Struct, frozen=True, kw_only=True):
    """What a caller asks for."""

    query: Mapping[str, str]
    provider: str = ""
    id: str = ""


class Shelf(Struct, frozen=True, kw_only=True):
    """One caller's files and batches. Run each of its methods by `Desk.run`; all raise AntiphonError."""

    desk: Desk
    story: Story
    wanted: Wanted
    out: Whole

    @property
    def _handles(self) -> Handles:
        return Handles(self.desk.gateway.process.sealer, self.story.principal.tenant)

    # --- files

    async def upload(self, body: Body, content_type: bytes) -> None:
        """Keep a file."""
        raw = self._account(batches=False)
        principal = self.story.principal
        errand = Errand(body=body, content_type=content_type, account=raw.name, operation="files")
        governed = await self.desk.governed(self.story, errand)
        body, asked = governed.body, structs.replace(raw, barred=governed.barred)
        read = await form.read(body, content_type)
        boundary = f"antiphon-{secrets.token_hex(16)}".encode()
        segments = await form.written(read, body, boundary, self._handles.tag, principal, asked)
        lines = b"Content-Type: multipart/form-data; boundary=%b\r\n" % boundary
        asking = Asking(method="POST", path="/files", lines=lines, body=tuple(segments))
        await self._one(raw, asking, kept.file)

    async def files(self) -> None:
        """List a tenant's files."""
        await self._list(self._account(batches=False), "/files", kept.is_own_file, kept.file, ("purpose", "order"))

    async def file(self, method: str) -> None:
        """Say what a file is, or delete it."""
        thing = self._handles.unwrap(self.wanted.id, "file", "lines")
        raw = self._of(thing)

        def same(read: Entry, account: str, handles: Handles) -> Entry:
            return {**kept.file(read, account, handles), "id": RawJson(json.encode(self.wanted.id))}

        await self._one(raw, Asking(method=method, path=f"/files/{thing.id}"), same, thing)

    async def content(self) -> None:
        """Pass a file's content on."""
        thing = self._handles.unwrap(self.wanted.id, "file", "lines")
        raw = self._of(thing)
        errand = Errand(body=Body(()), content_type=b"", account=raw.name, operation="files")
        governed = await self.desk.governed(self.story, errand)
        begun = await self.desk.send(self.story, raw, Asking(method="GET", path=f"/files/{thing.id}/content"))
        await relay(self.desk, self.story, raw, begun.attempt, Reading(None, ""), gated(self.out, self.story, governed))

    # --- batches

    async def run(self, body: Body) -> None:
        """Make a batch of a file whose lines were checked."""
        if body.size_bytes > MAX_ASK_BYTES:
            raise TooLarge(f"a batch is asked for in at most {MAX_ASK_BYTES} bytes")
        asked = kept.asked(body.whole())
        named = kept.text(asked, "input_file_id")
        handles = self._handles
        try:
            thing = handles.unwrap(named, "lines")
        except NotFound:
            raise NotFound(
                f"there is no file {named[:80]!r} of this tenant with the purpose `batch`; upload it at /v1/files",
                param="input_file_id",
            ) from None
        raw = self._of(thing, batches=True)
        said = kept.pairs(asked)
        if len(said) > MOST_PAIRS or MARK in said:
            raise BadRequest(f"`metadata` has at most {MOST_PAIRS} pairs, none of them {MARK}", param="metadata")
        sent = {
            **asked,
            "input_file_id": RawJson(json.encode(thing.id)),
            "metadata": RawJson(json.encode({**said, MARK: handles.tag})),
        }
        lines = b"Content-Type: application/json\r\n"
        text = Body((json.encode(sent),))
        errand = Errand(body=text, content_type=b"application/json", account=raw.name, operation="batches")
        governed = await self.desk.governed(self.story, errand)
        asking = Asking(method="POST", path="/batches", lines=lines, body=governed.body.segments)
        await self._one(raw, asking, kept.batch)

    async def batches(self) -> None:
        """List a tenant's batches."""
        await self._list(self._account(batches=True), "/batches", kept.is_own_batch, kept.batch, ())

    async def batch(self, *, cancel: bool = False) -> None:
        """Say how a batch is, or cancel it."""
        thing = self._handles.unwrap(self.wanted.id, "batch")
        raw = self._of(thing, batches=True)
        path = f"/batches/{thing.id}/cancel" if cancel else f"/batches/{thing.id}"
        await self._one(raw, Asking(method="POST" if cancel else "GET", path=path), kept.batch, thing)

    # --- whose

    def _account(self, *, batches: bool) -> Raw:
        """The provider that is asked: the one that the caller names, or the only one there is."""
        fit = {
            name: raw
            for name, raw in self.desk.accounts.items()
            if (raw.batches if batches else raw.files) and _may(self.story.principal, raw)
        }
        named, what = self.wanted.provider, "runs batches" if batches else "keeps files"
        if named:
            if named not in fit:
                raise NotFound(f"no provider {named[:64]!r} {what} for this key", code="provider_not_found")
            return fit[named]
        if not fit:
            raise NotFound(f"no provider {what} for this key", code="provider_not_found")
        if len(fit) > 1:
            raise BadRequest(
                f"more than one provider {what}: name one of {', '.join(sorted(fit))} as ?provider=NAME or in the header "
                "x-antiphon-provider",
                code="provider_needed",
                param="provider",
            )
        return next(iter(fit.values()))

    def _of(self, thing: Thing, *, batches: bool = False) -> Raw:
        """The provider that has a thing, where this key may still ask it."""
        raw = self.desk.accounts.get(thing.account)
        if raw is None or not (raw.batches if batches else raw.files):
            raise NotFound(f"{thing.account} keeps no files any more", code="provider_not_found")
        if not _may(self.story.principal, raw):
            raise NotAllowed(f"the key {self.story.principal.key!r} may ask no model of {raw.name}")
        return raw

    # --- asking

    async def _ask(self, raw: Raw, asking: Asking) -> tuple[Try, bytes]:
        """Ask once, and read the whole answer."""
        self.story.verdict = self.story.verdict or MAY
        bound = raw.hold if asking.method == "POST" and asking.path == "/batches" else FREE
        begun = await self.desk.send(self.story, raw, asking, bound)
        attempt, caller = begun.attempt, self.desk.gateway.process.caller
        inbound = attempt.inbound
        if inbound is None:
            raise ValueError("an attempt that was sent has an answer")
        try:
            body = await inbound.read(MAX_ANSWER_BYTES)
        except AntiphonError as error:
            caller.errands.broke(attempt, error)
            raise
        finally:
            inbound.close()
        count(self.story, attempt, len(body))
        attempt.error = judged(inbound, raw, body)
        caller.settle(attempt, None)
        return attempt, body

    async def _one(
        self, raw: Raw, asking: Asking, seen: Callable[[Entry, str, Handles], Entry], thing: Thing | None = None
    ) -> None:
        """Ask for one thing, and answer with it as its tenant sees it."""
        attempt, body = await self._ask(raw, asking)
        if attempt.error is None:
            body = json.encode(seen(kept.entry(body, raw.name), raw.name, self._handles))
        elif thing is not None:
            body = body.replace(thing.id.encode(), self.wanted.id.encode())
        self._answer(raw, attempt, body)

    async def _list(
        self,
        raw: Raw,
        path: str,
        own: Callable[[Entry, Handles], bool],
        seen: Callable[[Entry, str, Handles], Entry],
        passed: tuple[str, ...],
    ) -> None:
        """Look through a provider's list for what is the tenant's."""
        handles, query = self._handles, self.wanted.query
        limit = _limit(query.get("limit", ""))
        after = handles.unwrap(query["after"], "file", "lines", "batch").id if query.get("after") else ""
        told = {name: query[name] for name in passed if name in query}
        found: list[Entry] = []
        pages = 0
        while True:
            asking = Asking(method="GET", path=path, query=_query({**told, "limit": str(PAGE), "after": after}))
            attempt, body = await self._ask(raw, asking)
            if attempt.error is not None:
                self._answer(raw, attempt, body)
                return
            entries, goes_on = kept.page(body, raw.name)
            found += [one for one in entries if own(one, handles)]
            after, pages = kept.text(entries[-1], "id") if entries else "", pages + 1
            if len(found) > limit or not (goes_on and after) or pages == MOST_PAGES:
                break
        shown = [seen(one, raw.name, handles) for one in found[:limit]]
        ends = (shown[0]["id"], shown[-1]["id"]) if shown else (None, None)
        more = len(found) > limit
        listed = {"object": "list", "data": shown, "has_more": more, "first_id": ends[0], "last_id": ends[1]}
        self._answer(raw, attempt, json.encode(listed))

    def _answer(self, raw: Raw, attempt: Try, body: bytes) -> None:
        inbound, story, error = attempt.inbound, self.story, attempt.error
        if inbound is None:
            raise ValueError("an attempt that was answered has an answer")
        story.served, story.begun = attempt, True
        lines, status = answered(inbound.headers, story.arrival.id, raw.name), inbound.status
        outcome = "ok" if error is None else "failed"
        self.desk.close(story, outcome, status, error, release=lambda: self.out.whole(status, lines, body))


def _may(principal: Principal, raw: Raw) -> bool:
    """Whether a key may ask at least one model of a provider, and so may leave something there."""
    return not principal.limited or any(principal.may_ask(name) for name in raw.ids)


def _limit(said: str) -> int:
    if not said:
        return PAGE
    if not said.isdecimal() or not 1 <= int(said) <= MOST_LISTED:
        raise BadRequest(f"limit={said[:32]} is no number from 1 to {MOST_LISTED}", param="limit")
    return int(said)


def _query(pairs: Mapping[str, str]) -> str:
    return urlencode({name: value for name, value in pairs.items() if value})
