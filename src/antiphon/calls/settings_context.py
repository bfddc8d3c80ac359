"""How much a request may say."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Tokens = Annotated[int, Meta(ge=1, le=100_000_000)]


class ContextSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The most input that requests of a route may have, in tokens as estimated from their size."""

    most_tokens: Annotated[
        Tokens | None, Meta(description="Most input tokens, 1 to 100000000. Default null: whatever the models take.")
    ] = None
    steps: Annotated[
        dict[str, Tokens],
        Meta(
            description="The same by the header `x-antiphon-step`, for steps that may say less, or more. Default: none named."
        ),
    ] = {}
    over: Annotated[
        Literal["refuse", "compact"],
        Meta(
            description="What becomes of a longer request: `refuse` answers 400 `context_cap_exceeded`; `compact` leaves its oldest turns out, tells that as a loss, and refuses it where its last turn alone is too long. Default refuse."
        ),
    ] = "refuse"
