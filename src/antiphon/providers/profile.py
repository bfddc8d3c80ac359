"""What is special about one provider's Chat Completions endpoint."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from antiphon.core.request import Dialect, Need
from antiphon.wire.codec import Continuing

UsageInStream = Literal["stream_options", "always", "never"]


class Way(Struct, frozen=True, kw_only=True):
    """One endpoint of a provider, and the dialect that it speaks. `{model}` in a path stands for the deployment's model."""

    dialect: Dialect
    path: str
    """Appended to the base URL. `{action}` in it stands for the last word of the path that the caller asked."""
    stream_path: str = ""
    """The same for streams, where it is another; it may hold a query."""
    models: str = ""
    """Regular expression of the models that it is for, searched in their ids; empty: for all."""
    actions: tuple[str, ...] = ()
    """What `{action}` may be; the first where a caller's path has another."""
    variant: Literal["", "bedrock", "vertex"] = ""
    """The cloud that serves a provider's own dialect, where that changes it."""


CHAT = Way(dialect="openai_chat", path="/chat/completions")


class Profile(Struct, frozen=True, kw_only=True):
    """One row of the table: where a provider is, how it knows us, what it speaks, and where it departs from it."""

    name: str
    base_url: str | None
    """Up to and with the version. None: the operator must give it."""
    needs_key: bool
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    ways: tuple[Way, ...] = (CHAT,)
    """What it speaks. A caller's own dialect goes first; else the first that says the same."""
    headers: Mapping[str, str] = {}
    """Headers that each of its requests has."""
    query: Mapping[str, str] = {}
    usage_in_stream: UsageInStream = "stream_options"
    """A stream's usage comes when `stream_options.include_usage` asks for it, always, or never."""
    output_limit_field: Literal["max_tokens"] | None = None
    """The one name under which it knows the bound on output tokens. None: it knows both."""
    rejects: tuple[str, ...] = ()
    """Top-level fields of OpenAI's that it answers with an error."""
    thoughts: str = ""
    """Field of an assistant's message in which it takes thoughts back; empty: it takes none."""
    continues: Continuing | None = None
    """How it goes on from the start of an answer. None: it begins anew, or refuses."""
    capabilities: frozenset[Need] | None = None
    """What its endpoint can carry. None: unknown, so nothing is refused."""
    note: str = ""
    """What an operator should know before using it."""
    source: str
    """Where the row comes from."""
    as_of: str
    """Day the source was read, ISO 8601."""
