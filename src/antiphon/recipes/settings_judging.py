"""How judges and raters are asked."""

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.recipes.prompts_judging import RUBRIC


class JudgingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What they go by, and how much they read and write."""

    rubric: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=20_000,
            description="What they judge by, in words, up to 20000 characters. Default: correctness, then completeness and form, then clarity.",
        ),
    ] = RUBRIC
    answer_tokens: Annotated[
        int,
        Meta(
            ge=50,
            le=1_000_000,
            description="Tokens of each answer that they are shown, estimated, 50 to 1000000; of a longer one the middle is left out, which is said. Default 8000.",
        ),
    ] = 8000
    output_tokens: Annotated[
        int,
        Meta(
            ge=16,
            le=1_000_000,
            description="The most tokens of what each of them writes, thoughts included, 16 to 1000000. Default 4096.",
        ),
    ] = 4096
    temperature: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        Meta(description="Of what they write, 0 to 2. Default null: the model's own, as some take no other."),
    ] = None
