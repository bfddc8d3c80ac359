"""How scores of answers come to the quality of deployments."""

from typing import Annotated

from msgspec import Meta, Struct

from antiphon.core.score import DAY_S, Forgetting, Source

Weight = Annotated[float, Meta(ge=0, le=1)]


class WeightSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a fresh score of each source counts for."""

    feedback: Annotated[Weight, Meta(description="Of whoever read the answer, 0 to 1; 0: not at all. Default 1.")] = 1.0
    evaluation: Annotated[Weight, Meta(description="Of a caller's own checks, 0 to 1. Default 1.")] = 1.0
    contract: Annotated[
        Weight, Meta(description="Of a recipe's output contract, kept or broken, 0 to 1. Default 1.")
    ] = 1.0
    judge: Annotated[Weight, Meta(description="Of a recipe's judges and verifiers, 0 to 1. Default 1.")] = 1.0


class QualitySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How scores of answers come to the quality of deployments."""

    half_life_days: Annotated[
        float,
        Meta(
            ge=0.01,
            le=3650,
            description="Days after which a score counts for half, and after twice as many for a quarter. Default 30.",
        ),
    ] = 30.0
    weights: Annotated[WeightSettings, Meta(description="What a fresh score of each source counts for.")] = (
        WeightSettings()
    )

    def forgetting(self) -> Forgetting:
        said = self.weights
        weights: dict[Source, float] = {
            "feedback": said.feedback,
            "evaluation": said.evaluation,
            "contract": said.contract,
            "judge": said.judge,
        }
        return Forgetting(half_life_s=self.half_life_days * DAY_S, weights=weights)
