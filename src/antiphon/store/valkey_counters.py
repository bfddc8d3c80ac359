"""Counters of a cluster, in Valkey or Redis: one round trip for all requests of a worker that wait at once.

Each key is a hash: `l`, how long until what passed has flowed off, in nanoseconds; `t`, when that was so, in
microseconds of the server's clock; `e`, what a unit stood for then; and for each worker that holds units
`h:WORKER` = `UNITS:UNTIL`. A worker that doesn't tell for `TERM_S` holds nothing any more: it is dead, or cut off and
counting by itself.

Keys are digests, so the names of callers' own customers don't lie in a cache. All stand in one slot (`{…}`), so that a
script may take them together.
"""

from collections.abc import Sequence
from hashlib import blake2b

from antiphon.core.counters import Counters, CountersAway, Granted, Standing, Told, Want, divisor
from antiphon.core.error import StoreError
from antiphon.store.valkey import Part, Reply, Script, Valkey

TERM_S = 10
"""How long what a worker holds is believed, since it told last. It tells every two seconds."""

SCRIPT = Script(
    """
local now, holder, term, divide, n = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local LARGEST = 4503599627370496
local function text(number) return string.format('%.0f', number) end
local buckets, out, at = {}, {}, 6
for i = 1, n do
  local each, most = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local mine, passed = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  at = at + 4
  local raw, level, since, others, gone = redis.call('HGETALL', KEYS[i]), 0, now, 0, {}
  local dead, before = 0, each
  for j = 1, #raw, 2 do
    local field, value = raw[j], raw[j + 1]
    if field == 'l' then level = tonumber(value)
    elseif field == 't' then since = tonumber(value)
    elseif field == 'e' then before = tonumber(value)
    else
      local units, till = string.match(value, '(%d+):(%d+)')
      if tonumber(till) < now then
        gone[#gone + 1] = field
        dead = dead + tonumber(units)
      elseif field ~= 'h:' .. holder then others = others + tonumber(units) end
    end
  end
  if #gone > 0 then redis.call('HDEL', KEYS[i], unpack(gone)) end
  level = math.max(level - math.max(now - since, 0) * 1000, 0)
  if before ~= each and before > 0 then level = math.min(math.ceil(level / before * each), most * each) end
  level = level + (passed + dead) * each
  buckets[i] = { each = each, most = most, level = level, held = others + mine, mine = mine }
end
local function free(b)
  if b.each == 0 then return b.most - b.held end
  return b.most - b.held - math.ceil(b.level / b.each)
end
local groups, answers = tonumber(ARGV[at]), {}
at = at + 1
for g = 1, groups do
  local wants, units, short, longest = tonumber(ARGV[at]), {}, -1, -1
  at = at + 1
  local first = at
  for w = 1, wants do
    local b, need, like = buckets[tonumber(ARGV[at]) + 1], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
    at = at + 4
    local over = free(b) - need
    if over < 0 then
      local wait = math.max((need + b.held - b.most) * b.each + b.level, 0)
      if wait > longest then short, longest = w - 1, wait end
    else
      units[w] = need + math.min(like - need, math.floor(over / divide))
    end
  end
  if short >= 0 then
    answers[#answers + 1] = { short, math.min(longest, LARGEST) }
  else
    for w = 1, wants do
      local from = first + (w - 1) * 4
      local b, need = buckets[tonumber(ARGV[from]) + 1], tonumber(ARGV[from + 1])
      if ARGV[from + 3] == '1' then
        b.level = b.level + need * b.each
        b.held, b.mine = b.held + units[w] - need, b.mine + units[w] - need
      else
        b.held, b.mine = b.held + units[w], b.mine + units[w]
      end
    end
    answers[#answers + 1] = { -1, units }
  end
end
local standings = {}
for i = 1, n do
  local b = buckets[i]
  b.level = math.min(b.level, LARGEST)
  redis.call('HSET', KEYS[i], 'l', text(b.level), 't', text(now), 'e', text(b.each))
  if b.mine > 0 then redis.call('HSET', KEYS[i], 'h:' .. holder, text(b.mine) .. ':' .. text(now + term))
  else redis.call('HDEL', KEYS[i], 'h:' .. holder) end
  redis.call('PEXPIRE', KEYS[i], math.ceil(b.level / 1000000) + 2 * math.ceil(term / 1000))
  standings[i] = { b.level, b.held }
end
return { standings, answers }
"""
)


class ValkeyCounters(Counters):
    """One worker's access to them."""

    def __init__(self, valkey: Valkey, holder: str, *, workers: int, namespace: str, now_us: int = 0) -> None:
        """`holder` names this worker among all that ever were; `workers` are those of all replicas.

        Args:
            now_us: Stands for the server's clock in tests.
        """
        self._valkey, self._holder = valkey, holder
        self._divide = divisor(workers)
        self._prefix = f"{{{namespace}}}:limit:".encode()
        self.now_us = now_us

    @property
    def away(self) -> bool:
        return self._valkey.away

    async def ask(self, told: Sequence[Told], groups: Sequence[Sequence[Want]]) -> tuple[list[Standing], list[Granted]]:
        arguments: list[Part] = [self.now_us, self._holder, TERM_S * 1_000_000, self._divide, len(told)]
        for one in told:
            arguments += (one.each_ns, one.most, one.held, one.passed)
        arguments.append(len(groups))
        for wants in groups:
            arguments.append(len(wants))
            for want in wants:
                arguments += (want.at, want.need, want.like, int(want.passes))
        keys = [self._key(one.key) for one in told]
        try:
            reply = await self._valkey.script(SCRIPT, keys, arguments)
        except StoreError as error:
            raise CountersAway(str(error)) from error
        standings, answers = _many(reply)
        return (
            [Standing(*map(_number, _many(one))) for one in _many(standings)],
            [_granted(*_many(one)) for one in _many(answers)],
        )

    def close(self) -> None:
        """What it holds is given back when its term is over."""

    def _key(self, key: str) -> bytes:
        return self._prefix + blake2b(key.encode(), digest_size=16).hexdigest().encode()


def _granted(short: Reply, rest: Reply) -> Granted:
    if isinstance(rest, list):
        return Granted(tuple(map(_number, rest)))
    return Granted((), _number(short), _number(rest))


def _many(reply: Reply) -> list[Reply]:
    if not isinstance(reply, list):
        raise CountersAway(f"Valkey answered what the script doesn't say: {reply!r}")
    return reply


def _number(reply: Reply) -> int:
    if not isinstance(reply, int):
        raise CountersAway(f"Valkey answered what the script doesn't say: {reply!r}")
    return reply
