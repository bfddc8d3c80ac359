"""What the patterns have in common whose members see each other's answers."""

from typing import Annotated, Literal

from msgspec import Meta

from antiphon.recipes.settings_members import MembersSettings

Compaction = Literal["full", "ends", "last", "extract"]


class RoundsSettings(MembersSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Members answer in rounds, and see answers of the round before."""

    compaction: Annotated[
        Compaction,
        Meta(
            description="What is shown of an answer: `full` all of it; `ends` its beginning and end; `last` its end; `extract` only what it comes to, as the contract reads it, and its end where that can't be told. Default full."
        ),
    ] = "full"
    reference_tokens: Annotated[
        int,
        Meta(
            ge=16,
            le=1_000_000,
            description="Tokens that are shown of each answer but for `full`, estimated, whole characters: 16 to 1000000. Where a request is refused as too long, `full` is shown so too. Default 1000.",
        ),
    ] = 1000
    thoughts: Annotated[
        bool,
        Meta(description="Thoughts before an answer are shown with it, where its model tells them. Default false."),
    ] = False
    early_stop: Annotated[
        bool,
        Meta(
            description="When all answers of a round come to the same, two or more and as many as were asked for or as the quorum says, the first is released without further calls. Default true."
        ),
    ] = True
