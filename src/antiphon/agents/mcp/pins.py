"""Pins of tools: one that changes behind its name is quarantined until a person has approved it again."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from typing import Any, Literal

import msgspec
from msgspec import Struct, structs

from antiphon.core.approval import Approval, Wish
from antiphon.core.error import VersionConflict
from antiphon.core.ports import Approvals
from antiphon.core.run_store import RunStore
from antiphon.core.tool import pinned

SPACE = "mcp/pins"
ACTION = "approve_tool"
EXPIRES_S = 14 * 86_400
_TRIES = 8
PinState = Literal["accepted", "quarantined", "another"]
"""`another`: what is accepted is not what was seen."""
_spell = msgspec.json.Encoder(order="sorted").encode


class Pin(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a tool was when it was last accepted, and what it has become."""

    hash: str = ""
    """SHA-256 of name, description and schema; empty: nobody has accepted it yet."""
    by: str = ""
    """Who accepted it: a person, or `first` sight."""
    at_ns: int = 0
    changed: str = ""
    """Its hash now, where that is another: it is quarantined."""
    refused: str = ""
    """A hash that a person has said no to."""
    approval: str = ""
    """What people were asked about the change."""
    gone: bool = False
    """The server offers it no more."""


class Seen(Struct, frozen=True, kw_only=True):
    """A tool as its server tells of it."""

    name: str
    description: str
    parameters: dict[str, Any]
    annotations: Mapping[str, Any] = {}
    result: dict[str, Any] | None = None
    title: str = ""

    @property
    def hash(self) -> str:
        """What is pinned."""
        return pinned(self.name, self.description, self.parameters)


class PinsParts(Struct, frozen=True, kw_only=True):
    """What pins rest on."""

    store: RunStore
    now_ns: Callable[[], int]
    approvals: Callable[[], Approvals | None] = lambda: None
    """Of the present revision; None: nobody is asked, and what changed stays quarantined until `accept`."""
    tenant: str = "default"
    """Whose people are asked about servers that are everybody's."""


class Pins:
    """Pins of all servers, shared by all processes."""

    def __init__(self, parts: PinsParts) -> None:
        self._parts = parts

    async def judge(self, tenant: str, server: str, tools: Sequence[Seen], *, first: bool) -> dict[str, Pin]:
        """The pins of a server's tools. A tool may be used where its pin has no `changed`.

        Args:
            tenant: Whose server it is; empty: everybody's.
            first: What was never seen is accepted as it is.
        Raises: StoreError.
        """
        out: dict[str, Pin] = {}
        for tool in tools:
            pin = await self._judged(tenant, server, tool, first=first)
            out[tool.name] = await self._asked(tenant, server, tool, pin) if pin.changed else pin
        return out

    async def pins(self, tenant: str, server: str) -> dict[str, Pin]:
        """Those that there are, by tool. Raises: StoreError."""
        store, now_ns = self._parts.store, self._parts.now_ns()
        found = await asyncio.to_thread(store.values, tenant, SPACE, now_ns, f"{server}/")
        return {key.removeprefix(f"{server}/"): msgspec.json.decode(value, type=Pin) for key, value, _ in found}

    async def standing(self, tenant: str, server: str, tool: str, found: str) -> PinState:
        """How a tool stands that was seen with this hash, whichever process has looked at it last. Raises: StoreError."""
        key, now_ns = f"{server}/{tool}", self._parts.now_ns()
        kept = await asyncio.to_thread(self._parts.store.value, tenant, SPACE, key, now_ns)
        pin = Pin() if kept is None else msgspec.json.decode(kept[0], type=Pin)
        return "quarantined" if pin.changed else "accepted" if pin.hash == found else "another"

    async def accept(self, tenant: str, server: str, tool: str, by: str) -> bool:
        """A person says that a tool may be used as it has become. Returns: whether it was quarantined. Raises: StoreError."""

        def change(pin: Pin) -> Pin:
            return self._accepted(pin, pin.changed, by) if pin.changed else pin

        before, _ = await self._change(tenant, f"{server}/{tool}", change)
        return bool(before.changed)

    async def _judged(self, tenant: str, server: str, tool: Seen, *, first: bool) -> Pin:
        found = tool.hash

        def change(pin: Pin) -> Pin:
            if pin.hash == found or (not pin.hash and not pin.refused and first and not pin.changed):
                return pin if pin.hash == found and not pin.changed else self._accepted(pin, found, pin.by or "first")
            return pin if pin.changed == found else structs.replace(pin, changed=found, approval="")

        return (await self._change(tenant, f"{server}/{tool.name}", change))[1]

    async def _asked(self, tenant: str, server: str, tool: Seen, pin: Pin) -> Pin:
        """Ask people about a change, once, and take in what they say. Raises: StoreError, OverLimit."""
        approvals, who = self._parts.approvals(), tenant or self._parts.tenant
        if approvals is None or pin.refused == pin.changed:
            return pin
        found = await approvals.find(who, pin.approval) if pin.approval else None
        if found is None or found.state in ("expired", "cancelled"):
            found = await approvals.ask(self._wish(who, server, tool, pin))
        key = f"{server}/{tool.name}"
        if found.state == "waiting":
            asked = found.id
            if pin.approval == asked:
                return pin
            return (await self._change(tenant, key, lambda one: structs.replace(one, approval=asked)))[1]
        return await self._settled(tenant, key, pin, found)

    async def _settled(self, tenant: str, key: str, pin: Pin, found: Approval) -> Pin:
        by = found.votes[-1].by if found.votes else "antiphon"

        def change(one: Pin) -> Pin:
            if one.changed != pin.changed:
                return one
            if found.state == "approved":
                return self._accepted(one, pin.changed, by)
            return structs.replace(one, refused=pin.changed, approval="")

        return (await self._change(tenant, key, change))[1]

    def _wish(self, tenant: str, server: str, tool: Seen, pin: Pin) -> Wish:
        shown = _spell(
            {
                "action": ACTION,
                "server": server,
                "tool": tool.name,
                "description": tool.description,
                "parameters": tool.parameters,
                "hash": tool.hash,
                "before": pin.hash,
            }
        )
        return Wish(
            tenant=tenant,
            by="antiphon",
            action=ACTION,
            resource=f"{server}/{tool.name}",
            shown=shown,
            digest=sha256(shown).hexdigest(),
            reasons=("tool.changed",) if pin.hash else ("tool.new",),
            expires_ns=self._parts.now_ns() + EXPIRES_S * 10**9,
        )

    def _accepted(self, pin: Pin, found: str, by: str) -> Pin:
        return structs.replace(
            pin, hash=found, by=by, at_ns=self._parts.now_ns(), changed="", approval="", refused="", gone=False
        )

    async def _change(self, tenant: str, key: str, change: Callable[[Pin], Pin]) -> tuple[Pin, Pin]:
        """Change a pin, whoever else does. Returns: it before and after. Raises: StoreError."""
        return await asyncio.to_thread(self._changed, tenant, key, change)

    def _changed(self, tenant: str, key: str, change: Callable[[Pin], Pin]) -> tuple[Pin, Pin]:
        store = self._parts.store
        for _ in range(_TRIES):
            found = store.value(tenant, SPACE, key, self._parts.now_ns())
            before = Pin() if found is None else msgspec.json.decode(found[0], type=Pin)
            after = change(before)
            if after == before:
                return before, before
            try:
                store.put(tenant, SPACE, key, _spell(after), expects=0 if found is None else found[1])
            except VersionConflict:
                continue
            return before, after
        raise VersionConflict(f"the pin of {key} is changed by too many at once; try again")
