"""Which model turns texts into vectors, and where it runs."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.core.deployment import Zone
from antiphon.core.secret import Secret

Url = Annotated[str, Meta(pattern="^https?://")]
ProxyUrl = Annotated[str, Meta(pattern="^http://")]


class EndpointSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A server that speaks OpenAI's Embeddings."""

    base_url: Annotated[Url, Meta(description="Where its API is, up to and with the version.")]
    model: Annotated[str, Meta(min_length=1, description="The server's own name for the model.")]
    dimensions: Annotated[int, Meta(ge=1, le=65_536, description="How many numbers its vectors have.")]
    version: Annotated[
        str,
        Meta(description="Tells vectors apart where a model changed under the same name. Default: none."),
    ] = ""
    zone: Annotated[
        Zone,
        Meta(
            description="`private` where it may be given what only private deployments may see; others are not asked then. Default public."
        ),
    ] = "public"
    shorten: Annotated[
        bool,
        Meta(description="Ask for so many `dimensions`; without it the model's own number is expected. Default false."),
    ] = False
    key: Annotated[Secret | None, Meta(description="Credential, sent as a bearer token. Default: none.")] = None
    headers: Annotated[dict[str, Secret], Meta(description="Headers to add to each request. Default: none.")] = {}
    batch: Annotated[int, Meta(ge=1, le=2048, description="Most texts of one request. Default 32.")] = 32
    timeout_s: Annotated[float, Meta(gt=0, le=3600, description="Deadline of one request, in seconds. Default 30.")] = (
        30.0
    )
    connections: Annotated[
        int, Meta(ge=1, le=1000, description="Most connections that one worker opens to it. Default 8.")
    ] = 8
    proxy: Annotated[ProxyUrl | None, Meta(description="HTTP proxy to go through. Default: none.")] = None
    ca_file: Annotated[
        str | None,
        Meta(description="PEM file of authorities to trust in place of the system's. Default: the system's."),
    ] = None


class LocalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model that runs in each worker, on one thread of its own."""

    dir: Annotated[str, Meta(min_length=1, description="Folder that `antiphon.providers.embedders.make` has made.")]
    precision: Annotated[
        Literal["fp32", "int8"],
        Meta(description="`int8` is a quarter in size and faster, and its vectors differ a little. Default fp32."),
    ] = "fp32"
    batch: Annotated[int, Meta(ge=1, le=256, description="Most texts that it takes at once. Default 8.")] = 8
    queue: Annotated[
        int, Meta(ge=1, le=10_000, description="Most batches that wait in one worker; more are refused. Default 64.")
    ] = 64
    timeout_s: Annotated[
        float, Meta(gt=0, le=3600, description="How long one batch may wait and take, in seconds. Default 30.")
    ] = 30.0


class EmbedderSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where texts become vectors. Exactly one of its sections is there."""

    endpoint: Annotated[EndpointSettings | None, Meta(description="A server. Default: none.")] = None
    local: Annotated[LocalSettings | None, Meta(description="A model in each worker. Default: none.")] = None

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields: (path below here, what is wrong, what to write)."""
        if (self.endpoint is None) == (self.local is None):
            both = self.endpoint is not None
            return [("", f"has {'both' if both else 'none'} of the sections endpoint and local", "write exactly one")]
        if self.endpoint is not None and "@" in self.endpoint.base_url.partition("://")[2].partition("/")[0]:
            return [("endpoint.base_url", "has a user or password in it", "leave them out, and write `key`")]
        return []
