"""Programs in an interpreter of a part of Python that knows no files, no network and no processes: pydantic-monty."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any

from antiphon.core.sandbox import Ran, SandboxTier
from antiphon.sandbox.tier import Job, Missing, Tier

_SURE = ("AssertionError", "MemoryError", "TimeoutError")
"""What a program raises by its own doing. Anything else may be a part of Python that the interpreter lacks."""


class Monty(Tier):
    """A pool of worker processes that run nothing but this interpreter; a program costs well under a millisecond.

    Its own threads wait for the workers: pydantic-monty 1.4's asynchronous pool aborts now and then when Python ends.
    """

    name: SandboxTier = "monty"

    def __init__(self, *, concurrency: int, wall_s: float) -> None:
        self._concurrency = concurrency
        self._wall_s = wall_s
        self._library: Any = None
        self._pool: Any = None
        self._threads: ThreadPoolExecutor | None = None
        self._opening = asyncio.Lock()

    async def run(self, job: Job) -> Ran:
        if job.language != "python":
            raise Missing("it runs Python alone")
        if job.stdin or job.files:
            raise Missing("it takes neither files nor stdin")
        async with self._opening:
            if self._pool is None:
                await asyncio.to_thread(self._open)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, job)

    def final(self, ran: Ran) -> bool:
        last = ran.stderr.strip().splitlines()[-1:] or [""]
        return ran.exit == 0 or ran.timed_out or last[0].startswith(_SURE)

    async def close(self) -> None:
        """End the pool's workers."""
        pool, threads, self._pool, self._threads = self._pool, self._threads, None, None
        if threads is not None:
            threads.shutdown()
        if pool is not None:
            pool.__exit__(None, None, None)

    def _open(self) -> None:
        try:
            library: Any = import_module("pydantic_monty")
        except ImportError:
            raise Missing("pydantic-monty isn't installed: pip install 'antiphon[sandbox]'") from None
        try:
            pool = library.Monty(
                min_processes=1,
                max_processes=self._concurrency,
                request_timeout=self._wall_s,
                checkout_timeout=self._wall_s,
            )
            pool.__enter__()
        except (OSError, RuntimeError, library.MontyError) as error:
            raise Missing(f"its worker can't be started: {error}") from None
        self._library, self._pool = library, pool
        self._threads = ThreadPoolExecutor(self._concurrency, "monty")

    def _run(self, job: Job) -> Ran:
        began_s = time.monotonic()
        library, limits = self._library, job.limits
        written: Any = library.CollectStreams(limits.output_bytes)
        told, exit_, timed_out = "", 0, False
        try:
            with self._pool.checkout(
                script_name="program.py",
                assert_message_annotations=False,
                limits={
                    "max_feed_duration_secs": min(limits.cpu_s, limits.wall_s),
                    "max_memory": limits.memory_bytes,
                    "max_total_sleep_secs": limits.wall_s,
                },
            ) as session:
                session.feed_run(job.code, print_callback=written)
        except library.MontyCrashedError as error:
            told, exit_, timed_out = f"MemoryError: {error}", 1, bool(error.timed_out)
        except library.MontyError as error:
            told, exit_ = error.display() if hasattr(error, "display") else str(error), 1
            timed_out = isinstance(error.exception(), TimeoutError)
        except TimeoutError:
            raise Missing("none of its workers came free in time") from None
        said = {"stdout": "", "stderr": ""}
        for stream, text in written.output:
            said[stream] += text
        return Ran(
            tier=self.name,
            exit=None if timed_out else exit_,
            stdout=said["stdout"],
            stderr=said["stderr"] + told,
            timed_out=timed_out,
            took_s=time.monotonic() - began_s,
        )
