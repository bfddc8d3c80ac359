"""Responses that callers have kept: gone on from, shown, deleted. Source: openai-python 3.52.0, `resources/responses`.

A response holds its own input and the ids of those that it goes on from, never their text: what is deleted is in no
other response either, and what went on from it can't be gone on from any more.
"""

from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256

import msgspec
from msgspec import Raw, Struct

from antiphon.control.compaction import Compactor
from antiphon.control.conversations import Conversations
from antiphon.control.keeper import Keeper, key_of
from antiphon.control.paging import Page, listed
from antiphon.control.sensitive import check_clearance
from antiphon.core.data_class import DataClass, data_class_of, highest
from antiphon.core.error import BadRequest, NotFound, TooLarge
from antiphon.core.kept import Entry
from antiphon.core.principal import Principal
from antiphon.wire.fields import as_list, as_object
from antiphon.wire.openai_responses.state import Item, Wants, deleted, input_items, output_items

ECHOED = (
    *("instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key"),
    *("reasoning", "safety_identifier", "service_tier", "temperature", "text", "tool_choice", "tools"),
    *("top_logprobs", "top_p", "truncation", "user"),
)
"""Fields of a request that its response repeats. Source: openai-python 3.52.0, `types/responses/response.py`."""
_SPOKEN = frozenset({"message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"})
_MEMBERS = msgspec.json.Decoder(dict[str, object])


class KeptResponse(Struct, frozen=True, array_like=True):
    """What is kept of a response."""

    body: bytes
    """Its JSON, as the caller got it."""
    asked: bytes
    """Its own input, JSON; empty: it had none."""
    before: tuple[str, ...] = ()
    """Ids of the responses that it goes on from, the oldest first."""
    conversation: str = ""
    data_class: str = ""
    """How sensitive it is; empty: nothing is known of that."""


_kept = msgspec.msgpack.Decoder(KeptResponse)


class Before(Struct, frozen=True, kw_only=True):
    """What was said before a request."""

    items: list[Item] = []
    ids: tuple[str, ...] = ()
    """Of the responses that said it."""
    data_class: DataClass | None = None
    """The highest of it; None: nothing is known of that."""


class Turn(Struct, frozen=True, kw_only=True):
    """What one call is to leave."""

    tenant: str
    subject: str = ""
    """Whose data it is: what is kept is erased with them."""
    wants: Wants
    asked: bytes = b""
    before: tuple[str, ...] = ()
    echo: Mapping[str, Raw] = {}
    name: str = ""
    """Id that its response was promised in the background; empty: the one that it comes with."""

    def told(self, said: dict[str, object], *, stored: bool) -> bool:
        """Have a response say what is true of it. Returns: whether it said anything else."""
        true: dict[str, object] = {"id": self.name, "background": True} if self.name else {}
        if said.get("store") in (True, False) and said["store"] is not stored:
            true["store"] = stored
        if said.get("store") is False and self.wants.store:  # another dialect's: nothing in it repeats the request
            true |= self.echo
        if said.get("previous_response_id") != self.wants.previous:
            true["previous_response_id"] = self.wants.previous
        if self.wants.conversation is not None:
            true["conversation"] = {"id": self.wants.conversation}
        changed = any(said.get(name) != value for name, value in true.items())
        said.update(true)
        return changed


class Responses:
    """Use cases of kept responses."""

    def __init__(self, keeper: Keeper, conversations: Conversations, compactor: Compactor) -> None:
        self.compactor = compactor
        self._keeper = keeper
        self._conversations = conversations

    @property
    def keeps(self) -> bool:
        return self._keeper.on

    @property
    def max_bytes(self) -> int:
        """Most bytes of a response and its input that are kept."""
        return self._keeper.settings.max_response_bytes

    # --- calls

    async def before(self, tenant: str, wants: Wants, asked: bytes = b"") -> Before:
        """What was said before a request.

        Args:
            asked: The request's own input, JSON.
        Raises: BadRequest, NotFound, TooLarge, StoreError.
        """
        if wants.conversation is not None:
            _listed("", asked)  # what can't be added to the conversation is refused before it costs anything
            items, data_class = await self._conversations.context(tenant, wants.conversation)
            return Before(items=_again(items), data_class=data_class)
        if wants.previous is None:
            return Before()
        last = await self._one(tenant, wants.previous)
        if last is None:
            raise _no_previous(wants.previous)
        ids = (*last.before, wants.previous)
        keys = [key_of(tenant, "response", name) for name in ids]
        found = await self._keeper.find(keys)
        if len(found) < len(set(keys)):
            raise _no_previous(wants.previous)
        links = [_kept.decode(found[key].plain) for key in keys]
        if sum(len(found[key].plain) for key in keys) > self._keeper.settings.max_conversation_bytes:
            raise TooLarge(
                f"what came before {wants.previous[:64]!r} is too long to go on from (storage.keep.max_conversation_bytes)",
                code="conversation_too_large",
                param="previous_response_id",
            )
        self._keeper.prolong([found[key].entry for key in keys])
        items: list[Item] = []
        classes: list[DataClass | None] = []
        classes.extend(data_class_of(link.data_class) for link in links if link.data_class)
        if links[0].conversation:
            items, data_class = await self._conversations.context(
                tenant, links[0].conversation, found[keys[0]].entry.at_ns
            )
            classes.append(data_class)
            links = links[1:]
        for link in links:
            items += (*_input(link.asked), *output_items(link.body))
        return Before(items=_again(items), ids=ids, data_class=highest(*classes) if any(classes) else None)

    def end(self, turn: Turn, body: bytes, data_class: DataClass | None = None) -> bytes:
        """Keep what a call is to leave. Returns: its response, with what is true of it. Raises: StoreError.

        Args:
            data_class: How sensitive it is; None: nothing is known of that.
        """
        said = _MEMBERS.decode(body)
        if not isinstance(said.get("id"), str):
            return body
        fits = len(body) + len(turn.asked) <= self._keeper.settings.max_response_bytes
        stored = turn.wants.store and self.keeps and fits
        if turn.told(said, stored=stored):
            body = msgspec.json.encode(said)
        name = str(said["id"])
        at_ns = self._keeper.now_ns()
        entries: list[Entry] = []
        if stored:
            kept = KeptResponse(body, turn.asked, turn.before, turn.wants.conversation or "", data_class or "")
            key = key_of(turn.tenant, "response", name)
            entries.append(
                self._keeper.write(turn.tenant, key, msgspec.msgpack.encode(kept), at_ns=at_ns, subject=turn.subject)
            )
        if turn.wants.conversation is not None:
            items = [*_listed(name, turn.asked), *output_items(body)]
            new = self._conversations.named(
                [
                    item if isinstance(item.get("id"), str) else {**item, "id": self._keeper.new_id("item")}
                    for item in items
                ]
            )
            entries += self._conversations.added(
                turn.tenant, turn.wants.conversation, new, at_ns, turn.subject, data_class
            )
        self._keeper.keep(entries)
        return body

    # --- what is kept

    async def show(self, principal: Principal, name: str) -> bytes:
        """A response's JSON. Raises: NotFound, NotAllowed, StoreError."""
        return (await self._shown(principal, name)).body

    async def delete(self, principal: Principal, name: str) -> bytes:
        """Raises: NotFound, StoreError."""
        key = key_of(principal.tenant, "response", name)
        found = (await self._keeper.find([key])).get(key)
        if found is None:
            raise _none(name)
        self._keeper.delete([found.entry])
        return deleted(name)

    async def cancel(self, principal: Principal, name: str) -> bytes:
        """Always refused: what has its answer can't be cancelled. Raises: NotFound, BadRequest, StoreError."""
        await self._find(principal.tenant, name)
        raise BadRequest(
            "Cannot cancel a synchronous response; close its connection to end one that still runs.",
            code="response_not_in_background",
        )

    async def page(self, principal: Principal, name: str, page: Page) -> bytes:
        """The items of its own input. Raises: NotFound, NotAllowed, BadRequest, StoreError."""
        return asked_page(name, (await self._shown(principal, name)).asked, page)

    async def _shown(self, principal: Principal, name: str) -> KeptResponse:
        found = await self._find(principal.tenant, name)
        check_clearance(principal, data_class_of(found.data_class))
        return found

    async def _find(self, tenant: str, name: str) -> KeptResponse:
        found = await self._one(tenant, name)
        if found is None:
            raise _none(name)
        return found

    async def _one(self, tenant: str, name: str) -> KeptResponse | None:
        key = key_of(tenant, "response", name)
        found = (await self._keeper.find([key])).get(key)
        return None if found is None else _kept.decode(found.plain)


def _none(name: str) -> NotFound:
    return NotFound(f"Response with id '{name[:64]}' not found.", code="response_not_found")


def _no_previous(name: str) -> BadRequest:
    return BadRequest(
        f"Previous response with id '{name[:64]}' not found.",
        code="previous_response_not_found",
        param="previous_response_id",
    )


def _input(asked: bytes) -> list[Item]:
    return asked_items(msgspec.json.decode(asked)) if asked else []


def asked_items(said: object) -> list[Item]:
    """The items of an input as it came."""
    if isinstance(said, str):
        return [{"type": "message", "role": "user", "content": said}]
    return [item for value in as_list(said) or () if (item := as_object(value)) is not None]


def _listed(name: str, asked: bytes) -> list[Item]:
    """The items of an input, each with an id, which is the same whenever it is asked for."""
    return input_items(b'{"input":%b}' % (asked or b"null"), _numbered(name))


def asked_page(name: str, asked: bytes, page: Page) -> bytes:
    """A page of a response's own input, JSON. Raises: BadRequest."""
    return listed(_listed(name, asked), page)


def _numbered(name: str) -> Callable[[str], str]:
    made = 0

    def new_id(prefix: str) -> str:
        nonlocal made
        made += 1
        return f"{prefix}_{sha256(f'{name}/{made}'.encode(errors='surrogatepass')).hexdigest()[:48]}"

    return new_id


def _again(items: Sequence[Item]) -> list[Item]:
    """Items as they can be said to any upstream: without what only the one that made them knows them by."""
    return [_said(item) for item in items if item.get("type") != "reasoning" or item.get("encrypted_content")]


def _said(item: Item) -> Item:
    kind = item.get("type") or "message"
    if kind not in _SPOKEN:
        return item
    made = ("id",) if kind != "message" or item.get("role") == "assistant" else ("id", "status")
    return {name: value for name, value in item.items() if name not in made}
