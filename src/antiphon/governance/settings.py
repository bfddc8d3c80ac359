"""Data classes: how sensitive requests are, and what follows from it."""

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.core.data_class import DataClass


class DataClassSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How sensitive requests are, and what follows from it."""

    default: Annotated[
        DataClass,
        Meta(
            description="Of requests that nothing says more of: `public`, `internal`, `confidential` or `restricted`. Default public."
        ),
    ] = "public"
    tools: Annotated[
        dict[str, DataClass],
        Meta(
            description="The least that a request is taken for which brings a tool of this name: what such a tool gives back is as sensitive. Default: none."
        ),
    ] = {}
    private_from: Annotated[
        DataClass | None,
        Meta(
            description="From this class on, deployments of zone `private` alone may answer; null: policies alone decide. Default confidential."
        ),
    ] = "confidential"
    closed_from: Annotated[
        DataClass,
        Meta(
            description="From this class on, guards with `failure: by_class` let nothing pass when they fail. Default internal."
        ),
    ] = "internal"
    hide_from: Annotated[
        DataClass | None,
        Meta(
            description="From this class on, content is not captured, whatever `storage.capture` says; null: it is. Default restricted."
        ),
    ] = "restricted"
    sessions: Annotated[
        bool,
        Meta(
            description="A session's class only rises: a request of it is of the highest class that any before it was. Default true."
        ),
    ] = True
    restore: Annotated[
        bool,
        Meta(
            description="What was masked in a request is put back into its answer, for callers whose `clearance` reaches its class. Default true."
        ),
    ] = True
