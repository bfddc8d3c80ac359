"""What is known of a model on Bedrock by its id: which fields beside the common ones it takes."""

import re

from msgspec import Struct

from antiphon.wire.anthropic_messages.models import Takes, takes

_OLD = re.compile(r"claude-(?:v\d|instant|2|3(?![-.]7))")
"""Claudes that can't think."""


class Model(Struct, frozen=True, gc=False, kw_only=True):
    """A model's family. An id that names none, as an application inference profile's, is of no family."""

    claude: Takes | None = None
    """What a Claude takes; None: it is another's."""
    thinks: bool = False
    """It is a Claude that can think."""
    nova: bool = False
    reasoning_nova: bool = False
    """Amazon Nova 2, which thinks and runs tools of its own."""
    openai: bool = False
    top_k: str = ""
    """What it calls the number of tokens to draw from; empty: it has no such field."""

    @property
    def caches(self) -> bool:
        """It takes cache points. Source: docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html, 2026-11."""
        return self.nova or self.claude is not None

    @property
    def hears_failures(self) -> bool:
        """It is told whether a tool failed. Source: botocore 1.44.8, ToolResultBlock."""
        return self.nova or self.claude is not None

    @property
    def structured(self) -> bool:
        """It takes schemas for its answers and tool calls.

        Source: docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html, 2026-11: Claude from 4.5 on, and
        models with open weights.
        """
        return self.claude.structured if self.claude is not None else not self.nova


def model_of(name: str) -> Model:
    """Read a model id, inference profile or ARN."""
    said = name.lower()
    if "claude" in said:
        return Model(claude=takes(said), thinks=_OLD.search(said) is None)
    if "amazon.nova" in said:
        return Model(nova=True, reasoning_nova="nova-2" in said)
    if "openai." in said:
        return Model(openai=True)
    if "mistral." in said:
        return Model(top_k="top_k")
    return Model(top_k="k") if "cohere." in said else Model()
