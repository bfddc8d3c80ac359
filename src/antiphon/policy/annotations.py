"""What annotations of a policy say: its name, its mode, and what has to be done where it holds."""

from collections.abc import Callable, Collection, Iterator, Mapping
from types import MappingProxyType

from msgspec import Struct

from antiphon.core.verdict import Obligations
from antiphon.policy.source import Mode

LOGS = ("none", "metadata", "content")
"""From the strictest."""
LONGEST_DAYS = 36_500
MOST_APPROVALS = 9
ON_FORBID = frozenset(("id", "mode", "share", "description", "approve", "approvals", "log", "retention"))
"""Annotations that a `forbid` can have."""


class Annotated(Struct, frozen=True, kw_only=True):
    """What they say, read."""

    id: str
    mode: Mode
    share: float
    obligations: Obligations


class Mistake(Struct, frozen=True, kw_only=True):
    """What is wrong with one."""

    wrong: str
    remedy: str


def annotated(
    said: Mapping[str, str | None], effect: str, tiers: Collection[str]
) -> tuple[Annotated | None, list[Mistake]]:
    """Read the annotations of a policy; None with what is wrong.

    Args:
        effect: `permit` or `forbid`.
    """
    found = list(_mistakes(said, effect, tiers))
    if found:
        return None, found
    text = {name: value or "" for name, value in said.items()}
    days = text.get("retention")
    recipes = text.get("recipes")
    obligations = Obligations(
        mask=_words(text.get("mask", "")),
        guards=_words(text.get("guards", "")),
        log=text.get("log", ""),
        retention_days=None if days is None else int(days),
        approve=text.get("approve", ""),
        approvals=int(text.get("approvals", "1")),
        disclose=text.get("disclose") == "true",
        recipes=None if recipes is None else _words(recipes),
        max_tier=text.get("max_tier", ""),
    )
    mode: Mode = "shadow" if text.get("mode") == "shadow" else "enforce"
    share = float(text.get("share", "1"))
    return Annotated(id=text["id"], mode=mode, share=share, obligations=obligations), []


def _words(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))


def _listed(value: str) -> bool:
    return bool(_words(value))


def _whole(least: int, most: int) -> Callable[[str], bool]:
    return lambda value: value.isascii() and value.isdecimal() and len(value) < 9 and least <= int(value) <= most


def _share(value: str) -> bool:
    try:
        return 0 <= float(value) <= 1
    except ValueError:
        return False


def _id(value: str) -> bool:
    return 0 < len(value) <= 128 and value.isprintable() and not any(one in value for one in ' ,"`')


_Test = tuple[Callable[[str], bool], str]
_TESTS: Mapping[str, _Test] = MappingProxyType(
    {
        "id": (_id, "a name of up to 128 characters without spaces, commas and quotes"),
        "description": (lambda _: True, ""),
        "mode": (lambda value: value in ("enforce", "shadow"), "`enforce` or `shadow`"),
        "share": (_share, "a number from 0 to 1, such as 0.1"),
        "mask": (_listed, "kinds of findings with commas between, or `*`"),
        "guards": (_listed, "names of guards with commas between"),
        "log": (lambda value: value in LOGS, "`none`, `metadata` or `content`"),
        "retention": (_whole(0, LONGEST_DAYS), f"whole days, 0 to {LONGEST_DAYS}"),
        "approve": (lambda value: bool(value.strip()), "a role, such as `approver`"),
        "approvals": (_whole(1, MOST_APPROVALS), f"a number of people, 1 to {MOST_APPROVALS}"),
        "disclose": (lambda value: value in ("true", "false"), "`true` or `false`"),
        "recipes": (_listed, "names of recipes with commas between"),
    }
)
NAMES = frozenset((*_TESTS, "max_tier"))
"""Every annotation that there is."""


def _mistakes(said: Mapping[str, str | None], effect: str, tiers: Collection[str]) -> Iterator[Mistake]:
    if "id" not in said:
        yield Mistake(
            wrong="the policy has no @id",
            remedy='name it, as in @id("legal.private_only"): receipts give it as the reason',
        )
    if "approvals" in said and "approve" not in said:
        yield Mistake(wrong="@approvals without @approve", remedy='say who approves, as in @approve("approver")')
    for name, value in said.items():
        if name not in NAMES:
            known = ", ".join(f"@{one}" for one in sorted(NAMES))
            yield Mistake(wrong=f"there is no annotation @{name}", remedy=f"write one of {known}")
        elif effect == "forbid" and name not in ON_FORBID:
            yield Mistake(
                wrong=f"@{name} on a forbid obliges nobody",
                remedy="write it on a permit; a forbid takes @approve, @log and @retention",
            )
        elif name == "max_tier":
            if value not in tiers:
                yield Mistake(
                    wrong=f"@max_tier names {value or ''!r}, which is no tier",
                    remedy=f"write one of {', '.join(tiers)}",
                )
        elif not _TESTS[name][0](value or ""):
            yield Mistake(wrong=f"@{name} can't be {value or ''!r}", remedy=f"write {_TESTS[name][1]}")
