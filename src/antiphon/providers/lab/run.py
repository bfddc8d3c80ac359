"""Running a lab by itself."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from antiphon.core.clock import SystemClock
from antiphon.net.listener import bind
from antiphon.providers.lab.server import LabServer
from antiphon.providers.lab.settings import LabModel, LabSettings, Spread


def default_settings() -> LabSettings:
    """A cheap fast model, a balanced one and a slow good one."""
    return LabSettings(
        models={
            "lab-fast": LabModel(
                first_token=Spread(p50_ms=120, p99_ms=400),
                tokens_per_s=220,
                quality={"default": 0.7, "math": 0.5, "code": 0.55},
            ),
            "lab-balanced": LabModel(
                first_token=Spread(p50_ms=300, p99_ms=900),
                tokens_per_s=110,
                answer_tokens=80,
                quality={"default": 0.82, "math": 0.7, "code": 0.75},
            ),
            "lab-premium": LabModel(
                first_token=Spread(p50_ms=600, p99_ms=2000),
                tokens_per_s=70,
                answer_tokens=100,
                context_tokens=200_000,
                quality={"default": 0.92, "math": 0.88, "code": 0.9},
            ),
        }
    )


async def serve(
    settings: LabSettings,
    host: str,
    port: int,
    *,
    base: Path | None = None,
    on_ready: Callable[[str, int], None] | None = None,
) -> None:
    """Serve a lab until this task is cancelled.

    Args:
        port: 0 takes a free one.
        base: Folder that relative paths of replay files start from.
        on_ready: Called with the address once it is served.
    Raises: OSError when the address is taken, ConfigError when a replay file can't be used.
    """
    server = LabServer(settings, clock=SystemClock(), base=base)
    sock = bind(host, port)
    try:
        await server.start(sock)
        if on_ready is not None:
            on_ready(host, sock.getsockname()[1])
        await asyncio.get_running_loop().create_future()
    finally:
        await server.stop()
        sock.close()
