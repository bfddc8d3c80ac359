"""Function calls of a streamed answer: whole, or piece by piece."""

from collections.abc import Mapping
from typing import Any

import msgspec

from antiphon.core.content import ToolCall
from antiphon.core.response import ToolCallDelta
from antiphon.wire.fields import Fields
from antiphon.wire.gemini.partial import Arguments
from antiphon.wire.gemini.parts import made_id
from antiphon.wire.gemini.proof import unseal


class Calls:
    """The calls of one candidate."""

    __slots__ = ("_arguments", "_made", "count")

    def __init__(self, made: str, index: int) -> None:
        self._made = (made, index)
        self._arguments: Arguments | None = None
        """Of the call that is still going on."""
        self.count = 0

    @property
    def seed(self) -> tuple[object, ...]:
        """What an id of the next call is made of."""
        return (*self._made, self.count)

    def whole(self, call: ToolCall) -> ToolCallDelta:
        """A call that came in one piece."""
        index, self.count = self.count, self.count + 1
        return ToolCallDelta(
            index=index,
            id=call.id,
            name=call.name,
            arguments=call.arguments,
            kind="function",
            signature=call.signature,
            signed_by=call.signed_by,
            extra=call.extra,
        )

    def partial(self, call: Mapping[str, Any]) -> bool:
        """Whether this is a piece of a call."""
        return self._arguments is not None or bool(call.get("willContinue") or call.get("partialArgs"))

    def piece(self, call: Mapping[str, Any], part: Fields) -> tuple[ToolCallDelta, ...]:
        """Take a piece. The first names the call; the arguments are told when they are whole."""
        out: tuple[ToolCallDelta, ...] = ()
        if self._arguments is None:
            name, call_id = call.get("name"), call.get("id")
            name = name if isinstance(name, str) else ""
            said = part.text("thoughtSignature")
            signature, by, _ = (None, "", False) if said is None else unseal(said)
            out = (
                ToolCallDelta(
                    index=self.count,
                    id=call_id if isinstance(call_id, str) and call_id else made_id(*self.seed, name),
                    name=name,
                    kind="function",
                    signature=signature,
                    signed_by=by,
                ),
            )
            self._arguments = Arguments()
        args = call.get("args")
        if isinstance(args, dict):
            self._arguments.value |= args
        self._arguments.add(call.get("partialArgs"))
        return out if call.get("willContinue") else out + self.close()

    def close(self) -> tuple[ToolCallDelta, ...]:
        """The arguments of a call that came in pieces."""
        if self._arguments is None:
            return ()
        arguments = msgspec.json.encode(self._arguments.value).decode(errors="replace")
        self._arguments = None
        index, self.count = self.count, self.count + 1
        return (ToolCallDelta(index=index, arguments=arguments),)
