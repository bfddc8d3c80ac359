"""The policies in force, for somebody to look at: where each stands, whom it is for, and what it says."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from antiphon.control.sight import Sight
from antiphon.core.data_class import DataClass
from antiphon.core.error import Problem
from antiphon.policy.compile import rules_of
from antiphon.policy.rule import Rule
from antiphon.policy.source import Source, passages


class InForce(Struct, frozen=True, kw_only=True):
    """Where they come from."""

    sources: Callable[[], Sequence[Source]]
    """Files and bundles. Blocks on files. Raises: ConfigError."""
    tiers: Sequence[str]
    default: str
    """What becomes of what no policy decides: `allow` or `deny`."""
    private_from: DataClass | None
    """From this class on private deployments alone answer."""


class Written(Struct, frozen=True, kw_only=True):
    """One policy."""

    rule: Rule
    text: str


class Shown(Struct, frozen=True, kw_only=True):
    """A file or a bundle."""

    source: Source
    policies: tuple[Written, ...]


class Board(Struct, frozen=True, kw_only=True):
    """All that concern them."""

    sources: tuple[Shown, ...]
    problems: tuple[Problem, ...]
    """With these a gateway would not take them; what held before holds on."""
    default: str
    private_from: DataClass | None


def board(given: InForce, sight: Sight) -> Board:
    """Blocks on files. Raises: NotAllowed, ConfigError."""
    sight.need("read")
    sources = [one for one in given.sources() if sight.tenant is None or one.tenant in ("", sight.tenant)]
    _, problems = rules_of(sources, given.tiers)
    return Board(
        sources=tuple(_shown(one, given.tiers) for one in sources),
        problems=tuple(problems) if sight.tenant is None else (),
        default=given.default,
        private_from=given.private_from,
    )


def _shown(source: Source, tiers: Sequence[str]) -> Shown:
    texts = {one.line: one.text for one in passages(source.text)}
    rules, _ = rules_of((source,), tiers)
    return Shown(source=source, policies=tuple(Written(rule=rule, text=texts.get(rule.line, "")) for rule in rules))
