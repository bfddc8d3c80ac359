"""Answers of rerankers."""

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import Raw, Struct

from antiphon.core.error import UpstreamMalformed
from antiphon.core.usage import Usage
from antiphon.wire.codec import Facts
from antiphon.wire.counts import believed, count
from antiphon.wire.fields import as_object


class _Ranked(Struct, gc=False):
    """An object; what is in it is the caller's."""


class _Answer(Struct):
    results: list[_Ranked] | None = None
    data: list[_Ranked] | None = None
    """What Voyage calls the results."""
    model: str | None = None
    usage: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None


_answer = msgspec.json.Decoder(_Answer)
_fields = msgspec.json.Decoder(dict[str, Raw])


def facts(body: bytes) -> Facts:
    """Check a whole answer, and read its facts. Raises: UpstreamMalformed."""
    try:
        answer = _answer.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UpstreamMalformed(f"the upstream's answer is not a ranking: {error}") from error
    if answer.results is None and answer.data is None:
        raise UpstreamMalformed("the upstream's answer has no list of results")
    usage, note = believed(_tokens, answer.usage)
    if usage is None and not note:
        usage, note = _billed(answer.meta or {})
    return Facts(model=answer.model or "", fingerprint="", usage=usage, usage_note=note)


def _tokens(said: Mapping[str, Any]) -> Usage:
    """Jina, Voyage, vLLM and Together: `usage` with `total_tokens`, some with `prompt_tokens`."""
    prompt = count(said, "prompt_tokens")
    return Usage(
        input_tokens=(count(said, "total_tokens") or 0) if prompt is None else prompt,
        output_tokens=count(said, "completion_tokens") or 0,
    )


def _billed(meta: Mapping[str, Any]) -> tuple[Usage | None, str]:
    """Cohere: `meta.tokens` where it says them, else search units, for which there is no word."""
    for name in ("tokens", "billed_units"):
        said = as_object(meta.get(name)) or {}
        if said.get("input_tokens") is not None:
            return believed(_input, said)
    units = (as_object(meta.get("billed_units")) or {}).get("search_units")
    return None, "" if units is None else f"it is billed by search units ({str(units)[:20]}), not by tokens"


def _input(said: Mapping[str, Any]) -> Usage:
    return Usage(input_tokens=count(said, "input_tokens") or 0, output_tokens=count(said, "output_tokens") or 0)
