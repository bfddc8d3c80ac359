"""Runs in memory."""

from collections import defaultdict
from collections.abc import Sequence

from msgspec import structs

from antiphon.core.error import VersionConflict
from antiphon.core.run import Barred, Beat, Held, Intent, Mail, Memory, Run, RunEvent, RunStatus, Skill, Stop, Use
from antiphon.core.run_store import Asked, RunStore


class MemoryRunStore(RunStore):
    """Everything in dictionaries; one thread at a time."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.mails: dict[str, Mail] = {}
        self.taken: set[str] = set()
        self.events: dict[str, list[RunEvent]] = defaultdict(list)
        self.holds: dict[tuple[str, str], tuple[Use, bool]] = {}
        self.intents: dict[tuple[str, str], Intent] = {}
        self.scores: list[Skill] = []
        self.bars: list[Barred] = []
        self.kept: dict[tuple[str, str, str], tuple[bytes, int]] = {}
        self.most_used: dict[str, Use] = {}

    def begin(self, run: Run, most_queued: int = 10_000) -> Run:
        for one in self.runs.values():
            if one.id == run.id or (
                run.once and (one.tenant, one.agent, one.once) == (run.tenant, run.agent, run.once)
            ):
                return one
        self.runs[run.id] = run
        return run

    def one(self, run: str, tenant: str | None = None) -> Run | None:
        found = self.runs.get(run)
        return None if found is None else structs.replace(found, used=self.used(run))

    def page(self, asked: Asked) -> list[Run]:
        return [
            one
            for one in reversed(self.runs.values())
            if (asked.tenant is None or one.tenant == asked.tenant)
            and (not asked.parent or one.parent == asked.parent)
            and (not asked.root or one.root == asked.root)
            and (not asked.statuses or one.status in asked.statuses)
        ][: asked.most]

    def save(self, run: Run, expects_segment: int, statuses: Sequence[RunStatus]) -> bool:
        found = self.runs[run.id]
        if found.segment != expects_segment or found.status not in statuses:
            return False
        self.runs[run.id] = run
        return True

    def due(self, now_ns: int, most: int) -> list[Run]:
        return [one for one in self.runs.values() if one.status == "queued"][:most]

    def counts(self, tenant: str | None = None) -> dict[tuple[str, RunStatus], int]:
        found: dict[tuple[str, RunStatus], int] = defaultdict(int)
        for one in self.runs.values():
            found[one.agent, one.status] += 1
        return found

    def post(self, mail: Mail) -> bool:
        fresh = mail.id not in self.mails
        self.mails.setdefault(mail.id, mail)
        return fresh

    def mail(self, run: str) -> list[Mail]:
        return [one for one in self.mails.values() if one.run == run and one.id not in self.taken]

    def take(self, run: str, ids: Sequence[str]) -> None:
        self.taken |= set(ids)

    def tell(self, events: Sequence[RunEvent]) -> None:
        for one in events:
            self.events[one.run].append(one)

    def told(self, run: str, after: int, most: int = 1000) -> list[RunEvent]:
        return [one for one in self.events[run] if one.seq > after][:most]

    def used(self, root: str) -> Use:
        """What is held and used of a row."""
        total = Use()
        for (row, _), (use, _) in self.holds.items():
            if row == root:
                total = total + use
        return total

    def hold(self, root: str, key: str, most: Use) -> Held:
        envelope, used = self.runs[root].envelope, self.used(root)
        left = Use(
            steps=envelope.steps - used.steps,
            calls=envelope.calls - used.calls,
            tool_calls=envelope.tool_calls - used.tool_calls,
            tokens=-1 if envelope.tokens is None else envelope.tokens - used.tokens,
            money_nano_usd=-1 if envelope.money_nano_usd is None else envelope.money_nano_usd - used.money_nano_usd,
            seconds=envelope.seconds - used.seconds,
        )
        if (root, key) in self.holds:
            return Held(ok=True, left=left)
        bounds: list[tuple[Stop, bool]] = [
            ("steps", most.steps > left.steps),
            ("calls", most.calls > left.calls),
            ("tool_calls", most.tool_calls > left.tool_calls),
            ("tokens", envelope.tokens is not None and most.tokens > left.tokens),
            ("money", envelope.money_nano_usd is not None and most.money_nano_usd > left.money_nano_usd),
            ("seconds", most.seconds > left.seconds),
        ]
        short = next((stop for stop, over in bounds if over), None)
        if short is None:
            self.holds[root, key] = (most, False)
            self.most_used[root] = self.used(root)
        return Held(ok=short is None, short=short, left=left)

    def settle(self, root: str, key: str, used: Use) -> None:
        found = self.holds.get((root, key))
        if found is not None and not found[1]:
            self.holds[root, key] = (used, True)
            if (child := key.partition("/")[0]) != root:
                self.holds[child, f"{root}:{key}"] = (used, True)

    def intend(self, intent: Intent) -> Intent:
        return self.intents.setdefault((intent.run, intent.step), intent)

    def came(self, run: str, step: str, outcome: bytes, owner: str) -> bool:
        found = self.intents[run, step]
        if found.owner != owner or found.outcome is not None:
            return False
        self.intents[run, step] = structs.replace(found, outcome=outcome)
        return True

    def review(
        self, run: str, step: str, outcome: bytes | None, by: str, owner: str, *, was: str | None = None
    ) -> bool:
        found = self.intents[run, step]
        if found.outcome is not None or was not in (None, found.owner):
            return False
        self.intents[run, step] = structs.replace(found, outcome=outcome, reviewed_by=by, owner=owner)
        return True

    def beat(self, beat: Beat) -> bool:
        return True

    def beats(self) -> list[Beat]:
        return []

    def retire(self, worker: str, seen_ns: int) -> bool:
        return False

    def forget_worker(self, worker: str) -> None: ...

    def remember(self, memory: Memory) -> None: ...

    def memories(self, tenant: str, agent: str, owners: Sequence[tuple[str, str]], now_ns: int) -> list[Memory]:
        return []

    def forget(self, tenant: str, *, memory: str = "", scope: str = "", owner: str = "") -> int:
        return 0

    def score(self, skill: Skill) -> None:
        self.scores.append(skill)

    def skills(self, tenant: str | None = None) -> list[Skill]:
        return self.scores

    def bar(self, barred: Barred) -> None:
        self.bars.append(barred)

    def unbar(self, kind: str, name: str, tenant: str) -> bool:
        self.bars = [one for one in self.bars if one.name != name]
        return True

    def barred(self) -> list[Barred]:
        return list(self.bars)

    def put(
        self, tenant: str, space: str, key: str, value: bytes, *, expects: int | None = None, until_ns: int = 0
    ) -> int:
        at = self.kept.get((tenant, space, key), (b"", 0))[1]
        if expects is not None and expects != at:
            raise VersionConflict(f"{key} has version {at}")
        self.kept[tenant, space, key] = (value, at + 1)
        return at + 1

    def value(self, tenant: str, space: str, key: str, now_ns: int) -> tuple[bytes, int] | None:
        return self.kept.get((tenant, space, key))

    def values(self, tenant: str, space: str, now_ns: int, prefix: str = "") -> list[tuple[str, bytes, int]]:
        return [(key, raw, at) for (who, where, key), (raw, at) in self.kept.items() if (who, where) == (tenant, space)]

    def drop(self, tenant: str, space: str, key: str) -> bool:
        return self.kept.pop((tenant, space, key), None) is not None

    def old(self, before_ns: int, most: int, after: str = "") -> list[Run]:
        return []

    def discard(self, roots: Sequence[str]) -> None: ...

    def lapse(self, now_ns: int) -> int:
        return 0

    def erase(self, tenant: str, subject: str) -> list[str]:
        return []

    def close(self) -> None: ...
