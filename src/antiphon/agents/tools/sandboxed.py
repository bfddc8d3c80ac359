"""Code that a model wrote, run in the sandbox."""

import asyncio
from typing import Any, cast

from antiphon.agents.hands import Hand, ToolFailed
from antiphon.agents.tools.folder import Folder, Limits
from antiphon.agents.tools.settings_code import SandboxSpec
from antiphon.core.clock import Clock
from antiphon.core.sandbox import Ran, Sandbox, SandboxLimits
from antiphon.core.tool import Tool, ToolContext, ToolResult

MOST_FILES = 32
MOST_CODE = 30_000
"""Characters of a program: the kernel hands 128 KiB at most to one that begins."""
_INPUT_BYTES = 8_388_608


def schema(spec: SandboxSpec) -> dict[str, Any]:
    """Arguments of a run."""
    what = "A Python program" if spec.language == "python" else "A program for sh"
    said: dict[str, Any] = {
        "code": {
            "type": "string",
            "minLength": 1,
            "maxLength": MOST_CODE,
            "description": f"{what}. What it prints is the result.",
        },
        "stdin": {"type": "string", "description": "What it reads from its standard input. Default: nothing."},
    }
    if spec.files:
        said["files"] = {
            "type": "array",
            "items": {"type": "string"},
            "maxItems": MOST_FILES,
            "description": "Files of the run that it may read, by their names without folders. Default: none.",
        }
    return {"type": "object", "properties": said, "required": ["code"], "additionalProperties": False}


class SandboxHand(Hand):
    """Runs one program a call; nothing of an earlier one is left."""

    def __init__(self, tool: Tool, spec: SandboxSpec, sandbox: Sandbox, clock: Clock) -> None:
        self.tool, self._spec, self._sandbox, self._clock = tool, spec, sandbox, clock

    async def do(self, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
        spec = self._spec
        names = cast("list[str]", arguments.get("files") or [])
        files = await asyncio.to_thread(_given, names, context.workspace) if names else {}
        left_s = max(context.until_s - self._clock.steady_s(), 0.01)
        limits = SandboxLimits(
            cpu_s=min(spec.cpu_s, left_s),
            wall_s=min(spec.wall_s, left_s),
            memory_bytes=spec.memory_bytes,
            output_bytes=spec.output_bytes,
        )
        ran = await self._sandbox.run(
            str(arguments["code"]),
            language=spec.language,
            stdin=str(arguments.get("stdin", "")),
            files=files,
            limits=limits,
        )
        return told(ran)


def told(ran: Ran) -> ToolResult:
    """What a program gave. Raises: ToolFailed, where none ran."""
    if ran.refused:
        raise ToolFailed("unavailable", f"No code runs here: {ran.refused}")
    if ran.timed_out:
        raise ToolFailed("timeout", f"The program took too long ({ran.took_s:.3g} s). It printed: {ran.stdout[:2000]}")
    data = {"stdout": ran.stdout, "stderr": ran.stderr, "exit": ran.exit, "tier": ran.tier}
    if ran.exit:
        raise ToolFailed(
            "failed", f"The program ended with {ran.exit}: {ran.stderr[-4000:]}\n{ran.stdout[:4000]}".strip()
        )
    return ToolResult(text=ran.stdout + (f"\n(stderr: {ran.stderr})" if ran.stderr else ""), data=data)


def _given(names: list[str], workspace: str) -> dict[str, bytes]:
    """Files of the run, by their last names. Raises: ToolFailed."""
    folder = Folder(workspace, Limits())
    files: dict[str, bytes] = {}
    for path in names:
        name = path.rpartition("/")[2]
        if name in files:
            raise ToolFailed("invalid_arguments", f"Two files are called {name}; give the program one of them.")
        files[name] = folder.read(path)[0]
        if sum(map(len, files.values())) > _INPUT_BYTES:
            raise ToolFailed("too_large", f"A program is given {_INPUT_BYTES} bytes of files at most.")
    return files
