"""The board of deployments in Valkey or Redis: a hash, read and written in one round trip. Times are the server's."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from antiphon.core.board import Board, Notice
from antiphon.core.error import StoreError
from antiphon.store.valkey import Part, Script, Valkey

KEPT_MS = 86_400_000
"""A board that nobody wrote on for so long is gone."""

SCRIPT = Script(
    """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
for i = 2, #ARGV, 3 do
  local value = string.format('%.0f %.0f ', now, now + tonumber(ARGV[i + 1])) .. ARGV[i + 2]
  redis.call('HSET', KEYS[1], ARGV[i], value)
end
if #ARGV > 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return { string.format('%.0f', now), redis.call('HGETALL', KEYS[1]) }
"""
)


class _Said(Struct, frozen=True, array_like=True):
    origin: str
    open: bool
    reason: str


class ValkeyBoard(Board):
    """One worker's access to it."""

    def __init__(self, valkey: Valkey, namespace: str) -> None:
        self._valkey = valkey
        self._key = f"{{{namespace}}}:deployments".encode()

    async def exchange(self, said: Sequence[Notice]) -> list[Notice]:
        arguments: list[Part] = [KEPT_MS]
        for one in said:
            text = msgspec.json.encode(_Said(one.origin, one.open, one.reason))
            arguments += (one.name, round(one.lasts_s * 1_000_000), text)
        reply = await self._valkey.script(SCRIPT, [self._key], arguments)
        match reply:
            case [bytes() as now, [*rest]]:
                texts = [part for part in rest if isinstance(part, bytes)]
                return [_notice(name, value, int(now)) for name, value in zip(texts[::2], texts[1::2], strict=True)]
            case _:
                raise StoreError(f"Valkey answered what the script doesn't say: {reply!r}")


def _notice(name: bytes, value: bytes, now_us: int) -> Notice:
    version, until_us, text = value.split(b" ", 2)
    said = msgspec.json.decode(text, type=_Said)
    return Notice(
        name=name.decode(),
        origin=said.origin,
        open=said.open,
        lasts_s=(int(until_us) - now_us) / 1_000_000,
        reason=said.reason,
        version=version.decode(),
    )
