"""Learned selectors: where their files are, and how far they are followed."""

from typing import Annotated

from msgspec import Meta, Struct


class SelectorSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that `antiphon route train` wrote. It predicts each model's chance of answering rightly."""

    file: Annotated[str, Meta(min_length=1, description="The selector's file.")]
    margin: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(
            description="Chance of success, 0 to 1, by which another model must be expected to be better than the best single one before it takes its place; 1 keeps to the best single one. Default null: the margin that the training found."
        ),
    ] = None
    tolerance: Annotated[
        Annotated[float, Meta(ge=-1, le=1)] | None,
        Meta(
            description="Chance of success, -1 to 1, by which a cheaper or faster model may be expected to be worse than the best single one and still take its place. Default null: the tolerance at which the training lost nothing on the whole."
        ),
    ] = None
    explore: Annotated[
        float,
        Meta(
            ge=0,
            le=0.5,
            description="Share of requests, 0 to 0.5, that go to a model which may be better than it is known to be, so that the next training learns of it. The receipt keeps the chance with which each was chosen. Default 0.",
        ),
    ] = 0.0
    embedder: Annotated[
        str | None,
        Meta(
            description="Name under `embedders` of what turns prompts into the vectors that it was trained on. Default null: it does without."
        ),
    ] = None
    names: Annotated[
        dict[str, str],
        Meta(
            description="Names under `models` for those that the file has, where they are called otherwise. Default: they are called alike."
        ),
    ] = {}
