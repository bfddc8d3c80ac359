"""A process that asks for a credential, as often as it is told, and prints what came of it.

Run by the tests: libraries of clouds read the environment, and a test gives each its own.
"""

import asyncio
import json
import sys
import time
from typing import Any

import msgspec

from antiphon.core.clock import SystemClock
from antiphon.core.error import AntiphonError
from antiphon.core.secret import Secret
from antiphon.providers.auth.credential import Credential
from antiphon.providers.auth.make import source
from antiphon.providers.auth.settings import AuthSettings


def secret(kind: type, value: Any) -> Any:
    assert kind is Secret
    return Secret(value)


async def main(auth: dict[str, Any], times: int, deadline_s: float) -> list[dict[str, Any]]:
    settings = msgspec.convert(auth, AuthSettings, dec_hook=secret)
    assert settings.check() == []
    clock = SystemClock()
    credential = Credential("up", source(settings, "providers.up.auth", clock), clock, deadline_s=deadline_s)
    came: list[dict[str, Any]] = []
    for _ in range(times):
        try:
            await credential.renew()
            error = None
        except AntiphonError as failure:
            error = {"kind": type(failure).__name__, "message": failure.message, "noted": failure.noted}
        ready = credential.ready(time.time())
        lines = credential.lines("POST", "up.example", "/model/a%3A0/converse", "", [b"{", b"}"]) if ready else b""
        came.append({"error": error, "ready": ready, "due": credential.due(time.time()), "lines": lines.decode()})
    return came


if __name__ == "__main__":
    said = json.loads(sys.argv[1])
    print(json.dumps(asyncio.run(main(said["auth"], said.get("times", 1), said.get("deadline_s", 10.0)))))
