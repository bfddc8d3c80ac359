"""A request's long input in parts, and what each of them is asked with."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TypeVar

from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.content import Content, Image, Message, Part, Text, ToolCall
from antiphon.core.content import File as Attached
from antiphon.recipes.assign import assigned
from antiphon.recipes.chunks import Unit, split
from antiphon.recipes.compaction import first_tokens, last_tokens, tokens
from antiphon.recipes.port import text_of
from antiphon.recipes.prompts_map_reduce import TASK
from antiphon.recipes.settings_map_reduce import MapReduceSettings

TASK_TOKENS = 200
"""Of the beginning and the end of a text that are told with every part of it: they say what is asked."""
_Thing = TypeVar("_Thing")
_INSTRUCTING = frozenset({"system", "developer"})


class Piece(Struct, frozen=True, kw_only=True):
    """A part of the input."""

    text: str = ""
    overlap: int = 0
    """Characters at the text's beginning that are the end of the one before."""
    attached: tuple[Part, ...] = ()
    """What isn't text in it."""


class Split(Struct, frozen=True, kw_only=True):
    """An input in parts."""

    pieces: tuple[Piece, ...]
    before: tuple[Message, ...]
    """Messages that all calls are told first."""
    kept: tuple[Part, ...]
    """Of the user's last message, what all calls are told."""
    task: str = ""
    """What is asked, where that stands in the text that was split."""

    def content(self, content: Content, text: str, attached: Sequence[Part] = ()) -> Content:
        """The request with `text` in the place of its long input: for the answer that the caller gets."""
        return replace(content, messages=(*self.before, self._last(text, attached)))

    def part(self, content: Content, text: str, attached: Sequence[Part] = ()) -> Content:
        """The same for a result that the caller never sees: without tools, and in no set form."""
        told = assigned(replace(content, messages=self.before), text)
        return replace(told, messages=(*self.before, self._last(text, attached)))

    def _last(self, text: str, attached: Sequence[Part]) -> Message:
        said = f"{self.task}\n\n{text}" if self.task else text
        return Message(role="user", parts=(*self.kept, *attached, Text(text=said)))


def split_input(settings: MapReduceSettings, content: Content) -> Split | None:
    """Split a request's input. None: it has no input of the kind that is to be split."""
    if not content.messages or content.messages[-1].role != "user":
        return None
    match settings.by:
        case "messages":
            made = _messages(settings, content)
        case "documents":
            made = _documents(settings, content)
        case _:
            made = _text(settings, content, settings.by)
    if made is None:
        return None
    return replace(made, pieces=merged(made.pieces, settings.most_chunks))


def merged(pieces: Sequence[Piece], most: int) -> tuple[Piece, ...]:
    """Pieces with their neighbours, so that there are no more than so many, of like numbers."""
    if len(pieces) <= most:
        return tuple(pieces)
    return tuple(
        Piece(
            text=group[0].text + "".join(piece.text[piece.overlap :] for piece in group[1:]),
            overlap=group[0].overlap,
            attached=tuple(part for piece in group for part in piece.attached),
        )
        for group in evenly(pieces, most)
    )


def evenly(things: Sequence[_Thing], groups: int) -> list[Sequence[_Thing]]:
    """Things in so many groups of like size, in order."""
    bounds = [len(things) * place // groups for place in range(groups + 1)]
    return [things[start:end] for start, end in pairwise(bounds)]


def _pieces(settings: MapReduceSettings, text: str, unit: Unit) -> Iterable[Piece]:
    chunks = split(text, unit, settings.chunk_tokens, settings.overlap_tokens)
    return (Piece(text=chunk.text, overlap=chunk.overlap) for chunk in chunks)


def _text(settings: MapReduceSettings, content: Content, unit: Unit) -> Split | None:
    *before, last = content.messages
    texts = [part for part in last.parts if isinstance(part, Text)]
    if not texts:
        return None
    long = max(texts, key=lambda part: tokens(part.text))
    kept = tuple(part for part in last.parts if part is not long)
    return Split(
        pieces=tuple(_pieces(settings, long.text, unit)),
        before=tuple(before),
        kept=kept,
        task="" if len(texts) > 1 else _task(long.text),
    )


def _task(text: str) -> str:
    """The first and the last paragraph of a text: people say there what they want."""
    paragraphs = [one for one in text.split("\n\n") if one.strip()]
    if not paragraphs:
        return ""
    return TASK.format(
        opening=first_tokens(paragraphs[0].strip(), TASK_TOKENS),
        closing=last_tokens(paragraphs[-1].strip(), TASK_TOKENS),
    )


def _documents(settings: MapReduceSettings, content: Content) -> Split | None:
    *before, last = content.messages
    *texts, question = [part for part in last.parts if isinstance(part, Text)] or [None]
    pieces: list[Piece] = []
    for part in last.parts:
        if isinstance(part, Attached) and part.text is None:
            pieces.append(Piece(attached=(part,)))
        elif isinstance(part, Attached) and part.text:
            pieces += _pieces(settings, f"{part.name}\n\n{part.text}" if part.name else part.text, "paragraphs")
        elif isinstance(part, Text) and any(part is one for one in texts) and part.text.strip():
            pieces += _pieces(settings, part.text, "paragraphs")
    kept = tuple(part for part in last.parts if part is question or not isinstance(part, Text | Attached))
    return Split(pieces=tuple(pieces), before=tuple(before), kept=kept) if pieces else None


def _messages(settings: MapReduceSettings, content: Content) -> Split | None:
    *earlier, last = content.messages
    before = tuple(message for message in earlier if message.role in _INSTRUCTING)
    pieces: list[Piece] = []
    held, attached = "", list[Part]()
    for message in earlier:
        if message.role in _INSTRUCTING:
            continue
        said = f"[{message.role}]\n{_said(message)}\n\n"
        if held and tokens(held) + tokens(said) > settings.chunk_tokens:
            pieces.append(Piece(text=held, attached=tuple(attached)))
            held, attached = "", []
        held += said
        attached += [part for part in message.parts if isinstance(part, Image | Attached)]
        if tokens(held) > settings.chunk_tokens:
            first, *rest = _pieces(settings, held, "paragraphs")
            pieces += [replace(first, attached=tuple(attached)), *rest]
            held, attached = "", []
    if held:
        pieces.append(Piece(text=held, attached=tuple(attached)))
    return Split(pieces=tuple(pieces), before=before, kept=last.parts) if pieces else None


def _said(message: Message) -> str:
    """A message in words, the tools that it calls too."""
    called = [f"(calls {part.name} with {part.arguments})" for part in message.parts if isinstance(part, ToolCall)]
    return "\n".join([text_of(message), *called]).strip()
