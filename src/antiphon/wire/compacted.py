"""A request that says less: its oldest turns are left out until the rest fits, and the loss is told."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import msgspec
from msgspec import Raw, Struct, structs

from antiphon.core.body import Body
from antiphon.core.receipt import Loss
from antiphon.core.request import Dialect, Request
from antiphon.wire.codec import Asked
from antiphon.wire.codecs import CODECS

_TURNS: Mapping[Dialect, str] = MappingProxyType(
    {
        "openai_chat": "messages",
        "openai_responses": "input",
        "anthropic_messages": "messages",
        "gemini": "contents",
    }
)
"""The field that holds a conversation, by dialect."""
_STANDING = frozenset({"system", "developer"})
"""Roles of what is said once for the whole conversation: it stays, wherever it stands."""
_RESULTS = (b'"tool_result"', b'"functionResponse"', b'"function_response"')
"""What a caller's turn holds that answers a call of the model's: the two stay or go together."""
_body = msgspec.json.Decoder(dict[str, Raw])
_turns = msgspec.json.Decoder(list[Raw])


class _Turn(Struct):
    role: str = ""
    type: str = ""


_turn = msgspec.json.Decoder(_Turn)


def compacted(request: Request, most_tokens: int, tokens_of: Callable[[int], int]) -> tuple[Request, Loss] | None:
    """Leave out the oldest turns, up to a turn that a person began.

    Instructions, tools, and the last turn that a person began with all behind it stay. The digest stays that of what came.

    Args:
        tokens_of: About how many tokens so many bytes of the body are.
    Returns: None when even the last of those turns is too much, or the dialect has no turns.
    """
    field, head = _TURNS.get(request.head.dialect), request.head
    whole = request.body.whole()
    body = _body.decode(whole)
    if field is None or not bytes(body.get(field, Raw(b""))).strip().startswith(b"["):
        return None
    turns = _turns.decode(body[field])
    read = [_turn.decode(turn) for turn in turns]
    starts = [at for at, turn in enumerate(turns) if _begins(read[at], bytes(turn))]
    standing = [one.role in _STANDING for one in read]
    size = len(whole)
    for start in starts:
        gone = [at for at in range(start) if not standing[at]]
        if gone and tokens_of(size - sum(len(bytes(turns[at])) + 1 for at in gone)) <= most_tokens:
            kept = [turn for at, turn in enumerate(turns) if at >= start or standing[at]]
            body[field] = Raw(msgspec.json.encode(kept))
            made = Body((msgspec.json.encode(body),))
            asked = Asked(endpoint=head.endpoint, model=head.model, stream=head.stream)
            less, spots = CODECS[head.dialect].read(made, asked)
            loss = Loss(
                field=f"{field}[{gone[0]}]" if len(gone) == 1 else f"{field}[{gone[0]}..{gone[-1]}]",
                why=f"the conversation is longer than the {most_tokens} tokens that its route takes",
                effect=f"the {len(gone)} oldest messages were left out",
            )
            return structs.replace(request, head=structs.replace(less, user=head.user), body=made, spots=spots), loss
    return None


def _begins(turn: _Turn, text: bytes) -> bool:
    """Whether a person begins anew here, rather than a program giving a tool's result."""
    return turn.role == "user" and turn.type in ("", "message") and not any(mark in text for mark in _RESULTS)
