"""A public name made ready for planning."""

from msgspec import Struct

from antiphon.core.deployment import Deployment
from antiphon.core.plan import Candidate


class Prompt(Struct, frozen=True, kw_only=True):
    """A system prompt; `version` is the first 12 hexadecimal digits of its text's SHA-256."""

    id: str
    version: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.id}@{self.version}"


class Route(Struct, frozen=True, kw_only=True):
    """Where a public name leads."""

    name: str
    deployments: tuple[Deployment, ...]
    lost: tuple[Candidate, ...] = ()
    """Deployments that the configuration itself left out, and why."""
    prompt: Prompt | None = None
    description: str = ""
