"""What is special about one provider's Chat Completions endpoint."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from antiphon.core.request import Need
from antiphon.wire.openai_chat.edits import Continuing

UsageInStream = Literal["stream_options", "always", "never"]


class Profile(Struct, frozen=True, kw_only=True):
    """One row of the table: where a provider is, how it knows us, and where it departs from OpenAI's API."""

    name: str
    base_url: str | None
    """Up to and with the version. None: the operator must give it."""
    needs_key: bool
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    chat_path: str = "/chat/completions"
    """Appended to the base URL; `{model}` in it stands for the deployment's model."""
    query: Mapping[str, str] = {}
    usage_in_stream: UsageInStream = "stream_options"
    """A stream's usage comes when `stream_options.include_usage` asks for it, always, or never."""
    output_limit_field: Literal["max_tokens"] | None = None
    """The one name under which it knows the bound on output tokens. None: it knows both."""
    rejects: tuple[str, ...] = ()
    """Top-level fields of OpenAI's that it answers with an error."""
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
