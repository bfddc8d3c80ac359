"""Another process of the gateway with the same stores: `python tool_caller.py DIRECTORY NAME SPEC TOOL ARGUMENTS`.

Says `ready` once it has looked at the server. Then it does what each line says: `call`, and says what came of it; `look`.
"""

import asyncio
import json
import sys
from pathlib import Path

import msgspec
from tool_servers import Place, context

from antiphon.agents.hands import ToolFailed
from antiphon.agents.mcp.document import ToolServerSpec


async def main(directory: str, name: str, spec: str, tool: str, arguments: str) -> None:
    place = Place(Path(directory))
    await place.have(**{name: msgspec.json.decode(spec, type=ToolServerSpec)})
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line == "look\n":
            await place.servers.look()
            print("looked", flush=True)
            continue
        try:
            found = await place.hands[tool].do(json.loads(arguments), context())
            print(f"done {found.text}", flush=True)
        except ToolFailed as failed:
            print(f"{failed.code} {failed}", flush=True)
    await place.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
