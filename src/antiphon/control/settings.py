"""Who may call, and the prompts that routes add."""

from typing import Annotated

from msgspec import Meta, Struct, field

from antiphon.core.principal import Lane
from antiphon.core.secret import Secret

MIN_KEY_LENGTH = 8


class KeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that exists from the start."""

    name: Annotated[
        str,
        Meta(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$", description="What receipts and metrics call it. One of a kind."),
    ]
    key: Annotated[
        Secret, Meta(description="The key itself; best as ${env:NAME} or ${file:/path}. At least 8 characters.")
    ]
    tenant: Annotated[str, Meta(min_length=1, description="Organisation that it belongs to. Default `default`.")] = (
        "default"
    )
    team: Annotated[str, Meta(description="Team, for receipts. Default: none.")] = ""
    user: Annotated[str, Meta(description="User, for receipts. Default: none.")] = ""
    tags: Annotated[list[str], Meta(description="Free words, for receipts. Default: none.")] = []
    models: Annotated[
        list[str],
        Meta(description="Public model names that it may ask for; a trailing * stands for any ending. Default: all."),
    ] = field(default_factory=lambda: ["*"])
    admin: Annotated[
        bool, Meta(description="May read every tenant's receipts, and how deployments are. Default false.")
    ] = False
    priority: Annotated[
        Lane,
        Meta(
            description="Lane that its requests wait in where a deployment is full; the header `x-antiphon-priority` may ask for a lower one. Default normal."
        ),
    ] = "normal"


class PromptSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A system prompt by name; its version is a hash of its text."""

    text: Annotated[str, Meta(min_length=1, description="What is said to the model before the caller's messages.")]
