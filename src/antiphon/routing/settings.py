"""Public names and where they lead."""

from typing import Annotated

from msgspec import Meta, Struct


class RouteSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A public model name: the deployments that may answer for it."""

    models: Annotated[list[str], Meta(description="Names under `models`. Default: none.")] = []
    tiers: Annotated[list[str], Meta(description="Every deployment of these tiers. Default: none.")] = []
    prompt: Annotated[
        str | None, Meta(description="Name under `prompts`; its text goes before the caller's messages. Default: none.")
    ] = None
    description: Annotated[str, Meta(description="Shown by GET /v1/models. Default: none.")] = ""
