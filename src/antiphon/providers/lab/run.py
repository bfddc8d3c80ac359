"""Running a lab by itself."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path

from msgspec import Struct

from antiphon.core.clock import Clock, SystemClock
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


class Running(Struct, frozen=True):
    """A lab that serves; `url` has no path: the API is at `{url}/v1`."""

    server: LabServer
    host: str
    port: int

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


@asynccontextmanager
async def running(
    settings: LabSettings,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    clock: Clock | None = None,
    base: Path | None = None,
) -> AsyncGenerator[Running]:
    """Serve a lab within a block, in this process.

    Args:
        port: 0 takes a free one.
        clock: Dates records and answers; None: the machine's.
        base: Folder that relative paths of replay files start from.
    Raises: OSError when the address is taken, ConfigError when a replay file can't be used.
    """
    server = LabServer(settings, clock=clock or SystemClock(), base=base)
    with closing(bind(host, port)) as sock:
        try:
            await server.start(sock)
            yield Running(server, host, sock.getsockname()[1])
        finally:
            await server.stop()


async def serve(
    settings: LabSettings,
    host: str,
    port: int,
    *,
    base: Path | None = None,
    on_ready: Callable[[Running], None] | None = None,
) -> None:
    """Serve a lab until this task is cancelled. `on_ready` is called once it serves; for the rest see `running`."""
    async with running(settings, host=host, port=port, base=base) as lab:
        if on_ready is not None:
            on_ready(lab)
        await asyncio.get_running_loop().create_future()
