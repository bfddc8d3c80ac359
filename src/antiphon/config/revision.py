"""Names a configuration by what it says."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType

import msgspec
from msgspec import Struct

from antiphon.config.plain import fingerprint, plain
from antiphon.config.settings import Settings
from antiphon.policy.source import files_of
from antiphon.recipes import (
    prompts_cascade,
    prompts_judging,
    prompts_map_reduce,
    prompts_panel,
    prompts_rounds,
    prompts_verdict,
    prompts_workflow,
)

NOTHING: Mapping[str, str] = MappingProxyType({})
PROMPTS = (
    prompts_cascade.VERSION,
    prompts_judging.VERSION,
    prompts_map_reduce.VERSION,
    prompts_panel.VERSION,
    prompts_rounds.VERSION,
    prompts_verdict.VERSION,
    prompts_workflow.VERSION,
)
"""Versions of the prompts that recipes bring."""


class Revision(Struct, frozen=True, kw_only=True):
    """Hash of everything that requests are decided under, and of each section of it."""

    id: str
    """16 hexadecimal digits."""
    parts: dict[str, str]
    """The same for each section by name."""


def revision(settings: Settings, learned: Mapping[str, str] = NOTHING) -> Revision:
    """Same settings, same revision; secrets count by their digests.

    The order of names counts too: candidates of a route stand in the order of the file.

    Args:
        learned: Digests of the files that were learned, by the setting that names each.
    """
    tree = plain(settings, fingerprint)
    if learned:
        tree["learned"] = dict(learned)
    if settings.recipes:
        tree["recipe_prompts"] = list(PROMPTS)
    return Revision(id=_hash(tree), parts={section: _hash(value) for section, value in tree.items()})


def learned(settings: Settings) -> dict[str, str]:
    """SHA-256 of the files that selectors and recipes learned from, and of policies, by the setting that names each; file
    names are absolute.

    One that can't be read is reported by the checks, and counts as empty here.
    """
    named = {f"selectors.{name}.file": one.file for name, one in settings.selectors.items()}
    for name, recipe in settings.recipes.items():
        if recipe.auto is not None and recipe.auto.file:
            named[f"recipes.{name}.auto.file"] = recipe.auto.file
    named |= {f"policy.files[{at}]": str(file) for at, file in enumerate(files_of(settings.policy.files))}
    return {setting: _digest(Path(file)) for setting, file in named.items()}


def _digest(file: Path) -> str:
    try:
        return sha256(file.read_bytes()).hexdigest()
    except OSError:
        return ""


def _hash(value: object) -> str:
    return sha256(msgspec.json.encode(value)).hexdigest()[:16]
