"""Agents by what they are good at: ours and those elsewhere, with how they have done."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from antiphon.agents.a2a.remote import PREFIX, Remotes
from antiphon.agents.documents.document import AgentDocument
from antiphon.agents.documents.shelf import Shelf
from antiphon.agents.doors import Known, Registry
from antiphon.core.principal import Principal
from antiphon.core.run import Barred, Skill
from antiphon.core.run_store import RunStore

NOBODY_KNOWS = 0.5
"""Share of good outcomes where nothing is known."""


class Entry(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An agent as the registry tells of it."""

    name: str
    kind: str
    """`local` or `remote`."""
    version: str = ""
    title: str = ""
    description: str = ""
    skills: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    input: dict[str, Any] | None = None
    """JSON Schema of what its runs are given."""
    healthy: bool = True
    why: str = ""
    """Why it isn't healthy."""
    good: float = NOBODY_KNOWS
    runs: int = 0
    cost_nano_usd: int = 0
    """Of a run, on average; 0: not known."""
    took_us: int = 0
    path: str = ""
    """Where it is asked over A2A; empty: elsewhere."""


class Directory(Registry):
    """Reads documents as they stand, and outcomes and switches as they were last read: `refresh` reads them anew."""

    def __init__(self, shelf: Callable[[], Shelf], store: RunStore, remotes: Remotes | None = None) -> None:
        self._shelf, self._store, self._remotes = shelf, store, remotes
        self._scores: Mapping[tuple[str, str], tuple[Skill, ...]] = {}
        """By tenant and agent."""
        self._barred: tuple[Barred, ...] = ()

    async def refresh(self) -> None:
        """Read outcomes and switches. Raises: StoreError."""
        skills, barred = await asyncio.to_thread(lambda: (self._store.skills(), self._store.barred()))
        scores: dict[tuple[str, str], tuple[Skill, ...]] = {}
        for one in skills:
            place = one.tenant, one.agent
            scores[place] = (*scores.get(place, ()), one)
        self._scores, self._barred = scores, tuple(barred)

    @property
    def barred(self) -> tuple[Barred, ...]:
        """Switches, as they were last read."""
        return self._barred

    # --- the port

    def find(self, skill: str, principal: Principal) -> Sequence[Known]:
        found = [
            self._known(one, principal, skill) for one in self._entries(principal) if skill in one.skills + one.tags
        ]
        return sorted(found, key=lambda one: (not one.healthy, -one.good, one.cost_nano_usd, one.name))

    def known(self, name: str, principal: Principal) -> Known | None:
        for one in self._entries(principal):
            if one.name == name:
                return self._known(one, principal, "")
        return None

    def _known(self, one: Entry, principal: Principal, skill: str) -> Known:
        # Whoever is found by a tag is judged by all that it does.
        scored = _scored(self._scores.get((principal.tenant, one.name), ()), skill if skill in one.skills else "")
        return Known(
            name=one.name,
            skills=one.skills,
            version=one.version,
            healthy=one.healthy,
            good=scored.good if scored.runs else NOBODY_KNOWS,
            cost_nano_usd=scored.cost_nano_usd or one.cost_nano_usd,
        )

    # --- pages

    def page(self, principal: Principal, skill: str = "", *, healthy: bool = False) -> list[Entry]:
        """Those that a caller may ask and that are listed, the best at a skill first; else by name."""
        names = [one.name for one in self.find(skill, principal)] if skill else []
        found = {one.name: one for one in self._entries(principal) if not healthy or one.healthy}
        return [found[name] for name in (names if skill else sorted(found)) if name in found]

    def _entries(self, principal: Principal) -> Iterator[Entry]:
        for document in self._shelf().visible(principal):
            if document.spec.listed:
                yield self._local(document, principal)
        remotes = self._remotes
        for name in () if remotes is None else remotes.names():
            if remotes is not None and remotes.tenant(name) in ("", principal.tenant):
                yield self._remote(remotes, name, principal)

    def _local(self, document: AgentDocument, principal: Principal) -> Entry:
        name, spec = document.name, document.spec
        scored = _scored(self._scores.get((principal.tenant, name), ()), "")
        barred = self._why_barred(name, principal.tenant)
        return Entry(
            name=name,
            kind="local",
            version=document.version,
            title=document.metadata.title,
            description=document.metadata.description or spec.goal,
            skills=tuple(one.id for one in spec.skills),
            tags=tuple(dict.fromkeys(tag for one in spec.skills for tag in one.tags)),
            input=spec.input,
            healthy=not barred,
            why=barred,
            good=scored.good,
            runs=scored.runs,
            cost_nano_usd=scored.cost_nano_usd,
            took_us=scored.took_us,
            path=f"/a2a/{name}",
        )

    def _remote(self, remotes: Remotes, name: str, principal: Principal) -> Entry:
        card, called = remotes.card(name), PREFIX + name
        why = self._why_barred(called, principal.tenant)
        if not why and not remotes.healthy(name):
            why = "it failed too often, and is left alone for a while"
        scored = _scored(self._scores.get((principal.tenant, called), ()), "")
        return Entry(
            name=called,
            kind="remote",
            version="" if card is None else card.version,
            title="" if card is None else card.name,
            description="" if card is None else card.description,
            skills=remotes.skills(name),
            tags=() if card is None else tuple(dict.fromkeys(tag for one in card.skills for tag in one.tags)),
            healthy=not why,
            why=why,
            good=scored.good,
            runs=scored.runs,
            cost_nano_usd=scored.cost_nano_usd or remotes.most(name)[1] or 0,
            took_us=scored.took_us,
        )

    def _why_barred(self, name: str, tenant: str) -> str:
        for one in self._barred:
            mine = one.tenant in ("", tenant)
            if mine and ((one.kind, one.name) in (("agent", name), ("tenant", tenant))):
                return f"{one.kind} {one.how}{f': {one.why}' if one.why else ''}"
        return ""


class Scored(Struct, frozen=True, kw_only=True):
    """Outcomes summed up."""

    good: float = NOBODY_KNOWS
    runs: int = 0
    cost_nano_usd: int = 0
    took_us: int = 0


def _scored(skills: Sequence[Skill], skill: str) -> Scored:
    """How an agent has done at a skill; empty: at all of them. A share by Laplace's rule of succession: few outcomes stay
    near 0.5. Source: P. S. Laplace, "Essai philosophique sur les probabilités", 1814.
    """
    some = [one for one in skills if not skill or one.skill == skill]
    good, bad, runs = (sum(getattr(one, name) for one in some) for name in ("good", "bad", "runs"))
    if not runs:
        return Scored()
    return Scored(
        good=(good + 1) / (good + bad + 2),
        runs=runs,
        cost_nano_usd=sum(one.cost_nano_usd for one in some) // runs,
        took_us=sum(one.took_us for one in some) // runs,
    )
