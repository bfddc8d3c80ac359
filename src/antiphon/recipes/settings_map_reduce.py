"""A long input in parts, worked on side by side, and one answer made of what they give."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta, Struct

from antiphon.recipes.port import Seated
from antiphon.recipes.prompts_map_reduce import FINAL, MAP, REDUCE
from antiphon.recipes.settings_members import Seat
from antiphon.recipes.shape import ROUTE_SEAT, StepShape

MAP_STEP, REDUCE_STEP, FINAL_STEP = "map", "reduce", "final"
_NAMED = "a model, `tier/NAME` or a route"
Prompt = Annotated[str, Meta(max_length=20_000)]


class MapReduceSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Split, map, reduce. An input that is no longer than one part is answered by one call."""

    seat: Annotated[
        Seat, Meta(description=f"Who works on the parts: {_NAMED}. Default: the route's own candidates.")
    ] = ROUTE_SEAT
    final: Annotated[Seat, Meta(description=f"Who makes one of their results: {_NAMED}. Default: the same.")] = ""
    by: Annotated[
        Literal["paragraphs", "sentences", "tokens", "messages", "documents"],
        Meta(
            description="What is split. `paragraphs`, `sentences` and `tokens`: the longest text of the user's last message, between those; `messages`: the conversation before it; `documents`: each file of it, and each of its texts but the last. No character is taken apart, and a block of code only where it is longer than a part. Default paragraphs."
        ),
    ] = "paragraphs"
    chunk_tokens: Annotated[
        int,
        Meta(ge=64, le=1_000_000, description="Tokens of a part, estimated, 64 to 1000000. Default 4000."),
    ] = 4000
    overlap_tokens: Annotated[
        int,
        Meta(
            ge=0,
            le=500_000,
            description="Tokens at the beginning of a part that are the end of the one before, whole sentences where they fit; at most half of `chunk_tokens`. Default 100.",
        ),
    ] = 100
    most_chunks: Annotated[
        int,
        Meta(ge=2, le=256, description="Parts at most, 2 to 256; a longer input has longer parts. Default 32."),
    ] = 32
    concurrency: Annotated[
        Annotated[int, Meta(ge=1, le=256)] | None,
        Meta(description="Parts at once, 1 to 256. Default null: as many as the envelope lets run."),
    ] = None
    part_tokens: Annotated[
        int, Meta(ge=16, le=1_000_000, description="Output tokens of each part's result, 16 to 1000000. Default 1000.")
    ] = 1000
    reduce_tokens: Annotated[
        int,
        Meta(
            ge=64,
            le=4_000_000,
            description="Tokens of results, estimated, that one call reads; more are first made one in groups, at least twice `part_tokens`. Default 16000.",
        ),
    ] = 16_000
    on_failure: Annotated[
        Literal["skip", "fail"],
        Meta(
            description="When nobody could work on a part: `skip` goes on without it, and the answer's author is told; `fail` ends it with the error. Default skip."
        ),
    ] = "skip"
    timeout_s: Annotated[
        Annotated[float, Meta(gt=0, le=86_400)] | None,
        Meta(
            description="Seconds of each part's call: above 0, up to 86400. Default null: as long as the envelope lasts."
        ),
    ] = None
    prompt: Annotated[
        Prompt,
        Meta(description="What is said before a part, up to 20000 characters. Default: to do what is asked with it."),
    ] = MAP
    reduce_prompt: Annotated[
        Prompt,
        Meta(
            description="What is said before results to be made one, up to 20000 characters. Default: to keep all facts."
        ),
    ] = REDUCE
    final_prompt: Annotated[
        Prompt,
        Meta(
            description="What is said before the results at the end, up to 20000 characters. Default: to answer from them."
        ),
    ] = FINAL

    @property
    def final_seat(self) -> str:
        return self.final or self.seat

    @property
    def fan_in(self) -> int:
        """Results that one call makes one of."""
        return max(2, self.reduce_tokens // self.part_tokens)

    def seats(self) -> tuple[str, ...]:
        """Those that are named."""
        return tuple(seat for seat in (self.seat, self.final) if seat)

    def steps(self, seats: Sequence[Seated] = ()) -> tuple[StepShape, ...]:
        """Its shape. `seats`: the route's candidates, in order."""
        long = "the input is longer than one part"
        made = [StepShape(name=MAP_STEP, seat=self.seat, role="part", only_if=long, most_calls=self.most_chunks)]
        reduces = self._most_reduces()
        if reduces:
            only_if = f"there are more results than {self.reduce_tokens} tokens"
            made.append(
                StepShape(
                    name=REDUCE_STEP,
                    seat=self.final_seat,
                    role="part",
                    after=(MAP_STEP,),
                    only_if=only_if,
                    most_calls=reduces,
                )
            )
        before = tuple(step.name for step in made)
        return (*made, StepShape(name=FINAL_STEP, seat=self.final_seat, role="final", after=before))

    def _most_reduces(self) -> int:
        count, left = 0, self.most_chunks
        while left > self.fan_in:
            left = -(-left // self.fan_in)
            count += left
        return count

    def check(self) -> list[tuple[str, str, str]]:
        """Mistakes that only show across fields."""
        found: list[tuple[str, str, str]] = []
        if self.overlap_tokens * 2 > self.chunk_tokens:
            found.append(
                (
                    "overlap_tokens",
                    f"{self.overlap_tokens} is more than half of the {self.chunk_tokens} of a part",
                    f"write {self.chunk_tokens // 2} or less",
                )
            )
        if self.reduce_tokens < 2 * self.part_tokens:
            found.append(
                (
                    "reduce_tokens",
                    f"{self.reduce_tokens} is less than two results of {self.part_tokens} tokens",
                    f"write {2 * self.part_tokens} or more",
                )
            )
        return found
