"""Policies as code."""

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Otherwise = Literal["allow", "deny"]


class PolicySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Policies as code."""

    files: Annotated[
        list[Annotated[str, Meta(min_length=1)]],
        Meta(
            description="Files of Cedar policies, or patterns with `*` for them, relative to the configuration file. A file that changes is taken as the configuration is. Default: none."
        ),
    ] = []
    default: Annotated[
        Otherwise,
        Meta(
            description="What happens to calls of models and tools, and reads of collections, that no policy permits and none forbids: `allow` or `deny`. Default allow."
        ),
    ] = "allow"
    tiers: Annotated[
        list[Annotated[str, Meta(min_length=1)]],
        Meta(
            description="Tiers from the lowest to the highest, for `@max_tier` and `resource.tier_rank`; a deployment of another tier, or of none, counts as above them all. Default fast, balanced, premium."
        ),
    ] = field(default_factory=lambda: ["fast", "balanced", "premium"])
    cache_entries: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000,
            description="Most verdicts that a worker keeps, about 1 KB each; the one that was not asked for longest goes first. 0: none are kept. Default 10000.",
        ),
    ] = 10_000

    def check(self) -> Iterator[tuple[str, str, str]]:
        """Mistakes that single values don't show: (path, what is wrong, what to write)."""
        twice = sorted({one for one in self.tiers if self.tiers.count(one) > 1})
        if twice:
            yield (
                "tiers",
                f"{', '.join(twice)} stands there twice",
                "name each tier once, from the lowest to the highest",
            )
        doubled = sorted({one for one in self.files if self.files.count(one) > 1})
        if doubled:
            yield "files", f"{', '.join(doubled)} stands there twice", "name each file once"
