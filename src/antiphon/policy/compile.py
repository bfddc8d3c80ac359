"""Makes policies out of files, bundles and settings."""

from collections.abc import Sequence
from hashlib import sha256

import msgspec

from antiphon.core.data_class import DataClass
from antiphon.core.error import ConfigError, Problem
from antiphon.policy.judge import Terms
from antiphon.policy.policies import Policies
from antiphon.policy.rule import Rule, doubles, read_rules
from antiphon.policy.schema import SCHEMA
from antiphon.policy.settings import PolicySettings
from antiphon.policy.source import Source, read_files

MOST_POLICIES = 5_000


def compiled(
    settings: PolicySettings, bundles: Sequence[Source] = (), private_from: DataClass | None = "confidential"
) -> Policies:
    """The policies of the files and the bundles together.

    Args:
        settings: File names in them are absolute.
        private_from: `data_classes.private_from`.
    Raises: ConfigError, with every mistake, its file and line.
    """
    return of_sources((*read_files(settings.files), *bundles), settings, private_from)


def of_sources(
    sources: Sequence[Source], settings: PolicySettings, private_from: DataClass | None = "confidential"
) -> Policies:
    """The same, of texts that were read already. Raises: ConfigError."""
    rules, problems = rules_of(sources, settings.tiers)
    if problems:
        raise ConfigError(problems)
    terms = Terms(
        default=settings.default,
        tiers=tuple(settings.tiers),
        private_from=private_from,
        cache_entries=settings.cache_entries,
    )
    return Policies(rules, terms, _version(sources, terms) if rules or settings.default == "deny" else "")


def rules_of(sources: Sequence[Source], tiers: Sequence[str]) -> tuple[list[Rule], list[Problem]]:
    """The policies of some texts, and what is wrong with them. Among files each name is there once."""
    rules: list[Rule] = []
    problems: list[Problem] = []
    for source in sources:
        read, wrong = read_rules(source, tiers)
        rules += read
        problems += wrong
    problems += doubles(rules)
    if len(rules) > MOST_POLICIES:
        over = rules[MOST_POLICIES]
        problems.append(
            Problem(
                file=over.file,
                line=over.line,
                path=over.id,
                wrong=f"there are {len(rules)} policies, more than {MOST_POLICIES}",
                remedy="merge some: one policy can name many teams or deployments",
            )
        )
    return rules, problems


def _version(sources: Sequence[Source], terms: Terms) -> str:
    told = [(one.hash, one.tenant, one.mode, one.share) for one in sources]
    return sha256(msgspec.json.encode((SCHEMA, msgspec.structs.replace(terms, cache_entries=0), told))).hexdigest()[:16]
