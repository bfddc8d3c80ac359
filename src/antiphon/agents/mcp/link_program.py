"""Servers that are programs of our own: one line of JSON a message."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
from asyncio import Future, Task
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from pathlib import Path

from antiphon.agents.mcp.document import ProgramSpec, ToolServerSpec
from antiphon.agents.mcp.link import Came, Link, Posted
from antiphon.core.error import UpstreamBroken, UpstreamTimeout, UpstreamUnreachable
from antiphon.sandbox.begun import begun, ended
from antiphon.sandbox.enclosure import Enclosure, Reach
from antiphon.sandbox.tier import Missing
from antiphon.wire import mcp
from antiphon.wire.mcp import McpError, Message

log = logging.getLogger("antiphon.agents")
LAUNCH = Path(__file__).with_name("launch.py")
CLOSE_S = 2.0
"""What a program has to end by itself once its input is closed."""
MOST_SAID = 500


class ProgramLink(Link):
    """One program, started when it is first needed, and again when it has ended."""

    def __init__(self, name: str, spec: ToolServerSpec, now_s: Callable[[], float], enclosure: Enclosure) -> None:
        assert spec.program is not None
        self._name = name
        self._enclosure = enclosure
        self._program: ProgramSpec = spec.program
        self._most_bytes = spec.most_result_bytes
        self._now_s = now_s
        self._process: Process | None = None
        self._reader: Task[None] | None = None
        self._home: tempfile.TemporaryDirectory[str] | None = None
        self._waiting: dict[int | str, tuple[Future[Message], Posted]] = {}
        self._starting = asyncio.Lock()
        self._closed = False

    async def post(self, posted: Posted) -> Came:
        process = await self._running()
        line = posted.answer or mcp.request(posted.method, posted.params, posted.id)
        if posted.id is None:
            await self._write(process, line)
            return Came(message=None)
        future: Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[posted.id] = future, posted
        try:
            await self._write(process, line)
            async with asyncio.timeout(max(0.0, posted.until_s - self._now_s())):
                return Came(message=await future)
        except TimeoutError:
            raise UpstreamTimeout(f"the program of {self._name} didn't answer in time") from None
        finally:
            self._waiting.pop(posted.id, None)

    async def renew(self) -> None:
        async with self._starting:
            await self._stop()

    async def close(self) -> None:
        self._closed = True
        async with self._starting:
            await self._stop()

    async def _running(self) -> Process:
        async with self._starting:
            if self._closed:
                raise UpstreamUnreachable(f"the program of {self._name} was ended, since this process ends")
            process = self._process
            if process is not None and process.returncode is None and self._reader and not self._reader.done():
                return process
            await self._stop()
            self._process = process = await self._start()
            self.turn += 1
            self._reader = asyncio.get_running_loop().create_task(self._read(process))
            return process

    async def _start(self) -> Process:
        program = self._program
        self._home = tempfile.TemporaryDirectory(prefix="antiphon-mcp-")
        limits = f"{os.getpid()},{program.memory_bytes},{program.cpu_s},{program.files},{program.file_bytes}"
        env = {"PATH": os.defpath, "HOME": self._home.name, "LANG": "C.UTF-8"}
        env |= program.env
        command = await self._command(self._home.name, env["PATH"])
        try:
            return await begun(
                *(sys.executable, "-I", "-S", "-B", str(LAUNCH), limits, *command),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env=env,
                cwd=self._home.name,
                limit=self._most_bytes,
            )
        except OSError as error:
            raise UpstreamUnreachable(f"the program of {self._name} can't be started: {error}") from error

    async def _command(self, home: str, path: str) -> list[str]:
        """What is begun: the program itself, or what keeps it in. Raises: UpstreamUnreachable."""
        kept, command = self._program.sandbox, self._program.command
        if kept.tier == "none":
            return command
        reach = Reach(network=kept.network == "open", read=tuple(kept.read), write=tuple(kept.write))
        try:
            return await self._enclosure.around(command, home, reach, path)
        except Missing as error:
            raise UpstreamUnreachable(
                f"the program of {self._name} isn't begun, since it can't be kept in: {error}. Mend that, or say "
                "`program.sandbox.tier: none` to have it reach whatever the gateway does"
            ) from error

    async def _write(self, process: Process, line: bytes) -> None:
        assert process.stdin is not None
        try:
            process.stdin.write(line + b"\n")
            await process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise UpstreamBroken(f"the program of {self._name} takes no more: {error}") from error

    async def _read(self, process: Process) -> None:
        """Hand on what it says until it ends."""
        assert process.stdout is not None
        why = "it ended"
        try:
            while line := await process.stdout.readline():
                self._heard(line)
        except ValueError:
            why = f"a message of it is longer than {self._most_bytes} bytes"
        except McpError as error:
            why = f"it said what is no message: {error.message[:MOST_SAID]}"
        finally:
            for future, _ in self._waiting.values():
                if not future.done():
                    future.set_exception(UpstreamBroken(f"the program of {self._name} broke off: {why}"))
            _kill(process)

    def _heard(self, line: bytes) -> None:
        if not line.strip():
            return
        message = mcp.read(line)
        found = self._waiting.get(message.id) if message.answers and message.id is not None else None
        if found is not None:
            if not found[0].done():
                found[0].set_result(message)
            return
        if not self._waiting and self.unasked is not None:
            self.unasked(message)
        for _, posted in list(self._waiting.values()):
            if posted.heard is not None:
                posted.heard(message)

    async def _stop(self) -> None:
        process, self._process = self._process, None
        reader, self._reader = self._reader, None
        if process is not None:
            if process.stdin is not None:
                process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await process.wait()
            _kill(process)
        if reader is not None:
            await asyncio.gather(reader, return_exceptions=True)
        if process is not None:
            await ended(process)
        if self._home is not None:
            await asyncio.to_thread(self._home.cleanup)
            self._home = None


def _kill(process: Process) -> None:
    """End it and whatever it started, also where it has ended itself."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
