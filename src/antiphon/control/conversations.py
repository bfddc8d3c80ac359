"""Conversations that callers keep: made, added to, listed, deleted. Source: openai-python 3.52.0,
`resources/conversations`.

A conversation is an entry, and each of its items is one of its parts, so that whoever adds to it at the same time as
others takes nothing away from them.
"""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from antiphon.control.keeper import Keeper, Opened, key_of
from antiphon.control.paging import Page, listed
from antiphon.control.sensitive import check_clearance
from antiphon.core.data_class import DataClass, data_class_of, highest
from antiphon.core.error import BadRequest, NotFound, TooLarge
from antiphon.core.kept import Entry
from antiphon.core.principal import Principal
from antiphon.wire.fields import as_object, mistyped
from antiphon.wire.openai_responses.items import read_items
from antiphon.wire.openai_responses.state import Item, input_items

MOST_AT_ONCE = 20
"""Items of one request. Source: `types/conversations/item_create_params.py`."""
CLASS = "antiphon.data_class"
"""Key of a kept item that says how sensitive it is; nobody is shown it."""
_item = msgspec.json.Decoder(Item)


class Conversation(Struct, frozen=True, array_like=True):
    """What is kept of a conversation beside its items."""

    created_s: int
    metadata: dict[str, str]

    def shown(self, name: str) -> bytes:
        said = {"id": name, "object": "conversation", "created_at": self.created_s, "metadata": self.metadata}
        return msgspec.json.encode(said)


_conversation = msgspec.msgpack.Decoder(Conversation)


class Conversations:
    """Use cases of conversations."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def create(self, principal: Principal, metadata: dict[str, str], items: Sequence[object]) -> bytes:
        """Make one. Returns: its JSON. Raises: BadRequest, StoreError."""
        keeper = self._keeper
        if not keeper.on:
            raise BadRequest("this gateway keeps no conversations; see storage.keep.days", code="nothing_is_kept")
        name, at_ns = keeper.new_id("conv"), keeper.now_ns()
        made = Conversation(at_ns // 10**9, metadata)
        new = self.read(items)
        self._bounded(name, [], new)
        parts = self.added(principal.tenant, name, new, at_ns, principal.subject(), principal.data_class)
        keeper.keep([self._whole(principal, name, made, at_ns), *parts])
        return made.shown(name)

    async def show(self, principal: Principal, name: str) -> bytes:
        """Raises: NotFound, StoreError."""
        found, _ = await self._find(principal.tenant, name)
        return found.shown(name)

    async def update(self, principal: Principal, name: str, metadata: dict[str, str]) -> bytes:
        """Give it other metadata. Raises: NotFound, StoreError."""
        found, _ = await self._find(principal.tenant, name)
        changed = Conversation(found.created_s, metadata)
        self._keeper.keep([self._whole(principal, name, changed, self._keeper.now_ns())])
        return changed.shown(name)

    async def delete(self, principal: Principal, name: str) -> bytes:
        """Have it gone with all its items. Raises: NotFound, StoreError."""
        _, entry = await self._find(principal.tenant, name)
        self._keeper.delete([entry])
        return msgspec.json.encode({"id": name, "object": "conversation.deleted", "deleted": True})

    # --- items

    async def add(self, principal: Principal, name: str, items: Sequence[object]) -> bytes:
        """Add items. Returns: them, as they are kept. Raises: NotFound, BadRequest, TooLarge, StoreError."""
        keeper = self._keeper
        _, entry = await self._find(principal.tenant, name)
        new = self.read(items)
        self._bounded(name, await keeper.parts(entry.key), new)
        keeper.prolong([entry])
        entries = self.added(principal.tenant, name, new, keeper.now_ns(), principal.subject(), principal.data_class)
        keeper.keep(entries)
        return listed(new, Page(limit=len(new), descending=False))

    async def page(self, principal: Principal, name: str, page: Page) -> bytes:
        """Raises: NotFound, NotAllowed, BadRequest, StoreError."""
        _, entry = await self._find(principal.tenant, name)
        items, data_class = _told(await self._keeper.parts(entry.key))
        check_clearance(principal, data_class)
        return listed(items, page)

    async def item(self, principal: Principal, name: str, item: str) -> bytes:
        """Raises: NotFound, NotAllowed, StoreError."""
        (told,), data_class = _told([await self._part(principal.tenant, name, item)])
        check_clearance(principal, data_class)
        return msgspec.json.encode(told)

    async def delete_item(self, principal: Principal, name: str, item: str) -> bytes:
        """Returns: the conversation. Raises: NotFound, StoreError."""
        part = await self._part(principal.tenant, name, item)
        self._keeper.delete([part.entry])
        return await self.show(principal, name)

    def read(self, items: Sequence[object]) -> list[Item]:
        """Items that a caller gives, each with an id of its own. Raises: BadRequest."""
        for index, item in enumerate(items):
            if as_object(item) is None:
                raise mistyped(f"items[{index}]", "an object", item)
        read_items(list(items), "items")  # what no model could be told later is refused now
        return self.named(input_items(msgspec.json.encode({"input": items}), self._keeper.new_id))

    def named(self, items: Sequence[Item]) -> list[Item]:
        """Items that have ids; of two with the same id the second gets another."""
        known: set[object] = set()
        out: list[Item] = []
        for item in items:
            again = item["id"] in known
            known.add(item["id"])
            out.append({**item, "id": self._keeper.new_id("item")} if again else item)
        return out

    def added(
        self,
        tenant: str,
        name: str,
        items: Sequence[Item],
        at_ns: int,
        subject: str = "",
        data_class: DataClass | None = None,
    ) -> list[Entry]:
        """Entries of items that come to a conversation, to be kept together with what else is."""
        whole = key_of(tenant, "conversation", name)
        mark: Item = {} if data_class in (None, "public") else {CLASS: data_class}
        return [
            self._keeper.write(
                tenant,
                key_of(tenant, "item", name, str(item["id"])),
                msgspec.json.encode({**item, **mark}),
                at_ns=at_ns,
                part_of=whole,
                place=place,
                subject=subject,
            )
            for place, item in enumerate(items)
        ]

    async def context(self, tenant: str, name: str, until_ns: int | None = None) -> tuple[list[Item], DataClass | None]:
        """What a conversation says, as far as it was then, and the highest class of it; it counts as used.

        Raises: NotFound, TooLarge, StoreError.
        """
        _, entry = await self._find(tenant, name)
        parts = await self._keeper.parts(entry.key)
        if until_ns is not None:
            parts = [part for part in parts if part.entry.at_ns <= until_ns]
        elif len(parts) >= self._keeper.settings.max_conversation_items or self._full(parts, 0):
            raise _too_large(name)
        self._keeper.prolong([entry])
        return _told(parts)

    def _bounded(self, name: str, parts: Sequence[Opened], new: Sequence[Item]) -> None:
        more = sum(len(msgspec.json.encode(item)) for item in new)
        if len(parts) + len(new) > self._keeper.settings.max_conversation_items or self._full(parts, more):
            raise _too_large(name)

    def _full(self, parts: Sequence[Opened], more_bytes: int) -> bool:
        most = self._keeper.settings.max_conversation_bytes
        return sum(len(part.plain) for part in parts) + more_bytes > most

    def _whole(self, principal: Principal, name: str, said: Conversation, at_ns: int) -> Entry:
        tenant, subject = principal.tenant, principal.subject()
        key = key_of(tenant, "conversation", name)
        return self._keeper.write(tenant, key, msgspec.msgpack.encode(said), at_ns=at_ns, subject=subject)

    async def _find(self, tenant: str, name: str) -> tuple[Conversation, Entry]:
        key = key_of(tenant, "conversation", name)
        found = (await self._keeper.find([key])).get(key)
        if found is None:
            raise NotFound(f"Conversation with id '{name[:64]}' not found.", code="conversation_not_found")
        return _conversation.decode(found.plain), found.entry

    async def _part(self, tenant: str, name: str, item: str) -> Opened:
        await self._find(tenant, name)
        key = key_of(tenant, "item", name, item)
        found = (await self._keeper.find([key])).get(key)
        if found is None:
            raise NotFound(
                f"Item with id '{item[:64]}' not found in conversation '{name[:64]}'.", code="item_not_found"
            )
        return found


def _told(parts: Sequence[Opened]) -> tuple[list[Item], DataClass | None]:
    """Items as they are shown, and the highest class that is known of any; None: of none."""
    items = [_item.decode(part.plain) for part in parts]
    said: list[DataClass | None] = [data_class_of(str(one.pop(CLASS))) for one in items if CLASS in one]
    return items, highest(*said) if said else None


def _too_large(name: str) -> TooLarge:
    return TooLarge(
        f"the conversation {name[:64]!r} is full; begin another, or delete items (storage.keep.max_conversation_bytes)",
        code="conversation_too_large",
        param="conversation",
    )
