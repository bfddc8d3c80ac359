"""Where programs run that models wrote."""

from typing import Annotated

from msgspec import Meta, Struct, field

from antiphon.core.sandbox import SandboxLimits, SandboxTier


class SandboxSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tiers in the order in which they are tried, and what one run may use."""

    tiers: Annotated[
        list[SandboxTier],
        Meta(
            min_length=1,
            max_length=4,
            description="`monty` (an interpreter of a part of Python that knows no system; extra `sandbox`), `bubblewrap` (namespaces; the program `bwrap`), `landlock` (the kernel's rules for one process, from Linux 5.13), `refuse` (nothing runs). Each is tried at the first use, and left out where it doesn't keep a program in. Default all four in this order.",
        ),
    ] = field(default_factory=lambda: ["monty", "bubblewrap", "landlock", "refuse"])
    cpu_s: Annotated[
        float, Meta(gt=0, le=300, description="Seconds of CPU for one run, above 0, up to 300. Default 2.")
    ] = 2.0
    wall_s: Annotated[float, Meta(gt=0, le=600, description="Seconds for one run, above 0, up to 600. Default 5.")] = (
        5.0
    )
    memory_bytes: Annotated[
        int,
        Meta(
            ge=67_108_864,
            le=17_179_869_184,
            description="Bytes of memory for one run, 64 MiB to 16 GiB. Default 268435456 (256 MiB).",
        ),
    ] = 268_435_456
    output_bytes: Annotated[
        int,
        Meta(
            ge=1024,
            le=16_777_216,
            description="Bytes that one run may write to stdout, and as many to stderr, 1024 to 16777216; a run that writes more is ended. Default 65536.",
        ),
    ] = 65_536
    concurrency: Annotated[
        int, Meta(ge=1, le=64, description="Runs at once in one worker, 1 to 64; others wait. Default 2.")
    ] = 2

    def limits(self) -> SandboxLimits:
        """What one run may use."""
        return SandboxLimits(
            cpu_s=self.cpu_s, wall_s=self.wall_s, memory_bytes=self.memory_bytes, output_bytes=self.output_bytes
        )
