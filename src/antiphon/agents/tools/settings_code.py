"""Tools that are code, and those that only pretend, as documents describe them."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from antiphon.core.sandbox import Language

FaultKind = Literal["unavailable", "timeout", "failed", "malformed", "lost"]
"""`unavailable`: nothing was done, and it may go well later; `timeout`: nothing comes back until the deadline; `failed`: it
says no; `malformed`: the result isn't what its schema says; `lost`: it was done, and the answer got lost."""


class PythonSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A function of this machine's Python. Its signature gives the arguments, its docstring the description."""

    function: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$",
            description="`MODULE:FUNCTION`; a parameter annotated ToolContext is given the call's. One that isn't async goes on in its thread when its time is over.",
        ),
    ]


class SandboxSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Runs what a model wrote: no network, no other files, within limits."""

    language: Annotated[Language, Meta(description="Default python.")] = "python"
    files: Annotated[
        bool, Meta(description="The program may be given files of the run's folder to read. Default on.")
    ] = True
    cpu_s: Annotated[float, Meta(gt=0, le=300, description="Seconds of CPU. Default 2.")] = 2.0
    wall_s: Annotated[float, Meta(gt=0, le=600, description="Seconds. Default 5.")] = 5.0
    memory_bytes: Annotated[
        int, Meta(ge=67_108_864, le=17_179_869_184, description="Bytes of memory. Default 268435456.")
    ] = 268_435_456
    output_bytes: Annotated[
        int,
        Meta(ge=1024, le=16_777_216, description="Bytes that it may write to stdout, and to stderr. Default 65536."),
    ] = 65_536


class AnswerSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a simulated tool answers."""

    arguments: Annotated[
        dict[str, Any], Meta(description="Arguments that a call must have for this answer. Default: any.")
    ] = {}
    result: Annotated[Any, Meta(description="JSON. `{NAME}` in a text is that argument. Default: null.")] = None


class FaultSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What goes wrong with a simulated tool, and when."""

    kind: Annotated[FaultKind, Meta(description="What goes wrong.")]
    percent: Annotated[
        float, Meta(ge=0, le=100, description="Of the attempts, drawn by the seed and the call's key. Default 0.")
    ] = 0.0
    attempts: Annotated[
        list[int], Meta(description="Attempts of this process that it hits, from 1. Default: by `percent`.")
    ] = []


class SimulatedSpec(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Pretends, for trying and testing; beside another source it stands in for that one. Every result says so."""

    answers: Annotated[
        list[AnswerSpec],
        Meta(description="The first whose arguments match is given. Default: the arguments themselves."),
    ] = []
    delay_s: Annotated[
        list[Annotated[float, Meta(ge=0, le=600)]],
        Meta(
            min_length=1,
            max_length=2,
            description="Seconds that a call takes: one, or the least and the most. Default 0.",
        ),
    ] = field(default_factory=lambda: [0.0])
    faults: Annotated[list[FaultSpec], Meta(description="What goes wrong. Default: nothing.")] = []
    seed: Annotated[int, Meta(description="Of what is drawn: the same seed gives the same. Default 1.")] = 1
