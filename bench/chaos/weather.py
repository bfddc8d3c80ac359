"""The labs of a fleet and what goes wrong with each."""

from __future__ import annotations

from dataclasses import dataclass

from antiphon.providers.lab.settings import Fault, FaultSettings, LabModel, LabSettings, Spread

from .settings import KINDS, MODEL, Chaos

SERVER_ERRORS: tuple[Fault, ...] = ("error_500", "error_502", "error_503", "error_529")


@dataclass(frozen=True)
class Lab:
    """One lab server of the fleet."""

    name: str
    kind: str
    port: int
    settings: LabSettings

    @property
    def faults(self) -> list[FaultSettings]:
        return self.settings.models[MODEL].faults


def mixed(kinds: tuple[Fault, ...], percent: float) -> list[FaultSettings]:
    """Faults of equal shares that make up `percent` together. A lab draws for each fault of its list anew, the first
    that is met counts: so each has its share of what those before it leave."""
    share = percent / len(kinds) / 100
    return [
        FaultSettings(kind=kind, percent=100 * share / (1 - place * share), retry_after_s=1)
        for place, kind in enumerate(kinds)
    ]


def faults(kind: str, chaos: Chaos) -> list[FaultSettings]:
    """What goes wrong with labs of a kind."""
    match kind:
        case "dead":
            return [FaultSettings(kind="refuse")]
        case "hung":
            return [FaultSettings(kind="hang")]
        case "errors":
            return mixed(SERVER_ERRORS, chaos.errors_percent)
        case "storm":
            storm = FaultSettings(
                kind="rate_limited", percent=chaos.storm_percent, retry_after_s=chaos.storm_retry_after_s
            )
            return [storm]
        case "cutting":
            return [FaultSettings(kind="cut", percent=chaos.cut_percent)]
        case "lying":
            return [FaultSettings(kind="wrong_usage")]
        case _:
            return []


def model(kind: str, chaos: Chaos) -> LabModel:
    """The model that all labs serve, at the pace of a kind. It says the same everywhere."""
    slower = chaos.slow_factor if kind == "slow" else 1
    pace = Spread(p50_ms=chaos.first_token_p50_ms * slower, p99_ms=chaos.first_token_p99_ms * slower)
    return LabModel(
        first_token=pace,
        tokens_per_s=chaos.tokens_per_s / slower,
        answer_tokens=chaos.answer_tokens,
        faults=faults(kind, chaos),
    )


def labs(chaos: Chaos, first_port: int) -> list[Lab]:
    """All labs; a second one of a kind is called `kind-2`."""
    made: list[Lab] = []
    for kind in KINDS:
        for place in range(1, chaos.fleet.get(kind, 0) + 1):
            name = kind if place == 1 else f"{kind}-{place}"
            settings = LabSettings(seed=chaos.seed, models={MODEL: model(kind, chaos)})
            made.append(Lab(name, kind, first_port + len(made), settings))
    return made
