"""Walks a body's JSON, and takes its texts."""

# JSON comes in here: what a value is, is found out by looking at it.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import Mapping
from typing import Any

from antiphon.core.error import BadRequest, GuardFailed
from antiphon.core.finding import Channel
from antiphon.guards.port import Text
from antiphon.guards.texts_json import INSIDE, KEY, Steps, decoded
from antiphon.guards.texts_words import (
    ARGUMENTS,
    CALLED,
    CALLS,
    ECHOED,
    FREE,
    IS_MARK,
    IS_OPAQUE,
    KINDS,
    MEDIA,
    NAMED,
    RESPONSES,
    RESULTS,
    ROLES,
    SPOKEN,
    STRINGS,
    TOP,
    URLS,
    WRAPS,
    is_media,
    is_media_url,
    shown,
)

LEAST_NUMBER = 10_000_000
"""Whole numbers of free objects from here on may be a card or a telephone: they are texts too."""
MOST_INSIDE = 3
"""Texts of JSON within each other that are looked into."""
_LISTED = 16


class Walk:
    """Takes the texts of one body.

    A known word of the protocol, an id, a proof and a medium are no texts as long as they look it. In objects of any form,
    such as arguments, every string is one, and so is every key and every whole number of eight digits or more.
    """

    __slots__ = ("_answer", "_deep", "_known", "again", "items")

    def __init__(self, *, answer: bool = False, known: Mapping[str, str] | None = None) -> None:
        """`known`: texts that were looked at before, whole, and what became of them."""
        self.items: list[Text] = []
        self.again: list[tuple[Steps, str]] = []
        """Where known texts stand that have become others, and what they became."""
        self._known = known
        self._answer = answer
        self._deep = 0

    def root(self, body: Mapping[str, Any], where: str = "", steps: Steps = ()) -> None:
        """Take those of a whole body."""
        top, usual = (ECHOED, "assistant") if self._answer else (TOP, "field")
        for key, child in body.items():
            kind = child.__class__
            if (key == "model" and kind is str) or (kind in _WORDLESS and key.isidentifier()):
                continue
            under = where + (key if key.isidentifier() else shown(key))
            if key in WRAPS and kind is dict and not self._answer:
                self.root(child, f"{under}.", (*steps, key))
                continue
            channel = top.get(key, usual)
            if channel == "definition" and kind is str:
                channel = usual
            if not key.isidentifier():
                self._key(key, under, (*steps, key), channel)
            self._child(key, child, under, (*steps, key), channel, body)

    def value(self, value: Any, where: str, steps: Steps, channel: Channel) -> None:
        """Take those of any part of a body."""
        if value.__class__ is dict:
            self._object(value, where, steps, channel)
        elif value.__class__ is list:
            self._list(value, where, steps, channel)
        elif value.__class__ is str and value:
            self._string(value, where, steps, channel)

    def _object(self, value: Mapping[str, Any], where: str, steps: Steps, channel: Channel) -> None:
        if channel != "definition":
            channel = _whose(value, channel)
        for key, child in value.items():
            if key.isidentifier():
                if child.__class__ not in _WORDLESS:
                    self._child(key, child, f"{where}.{key}", (*steps, key), channel, value)
                continue
            under = f"{where}.{shown(key)}"
            self._key(key, under, (*steps, key), channel)
            self._child(key, child, under, (*steps, key), channel, value)

    def _key(self, key: str, under: str, steps: Steps, channel: Channel) -> None:
        """A key that no dialect has: it may hold data."""
        if under.endswith("*") and key:
            self.items.append(Text(under, channel, key, (*steps, KEY), "key"))

    def _child(
        self, key: str, child: Any, where: str, steps: Steps, channel: Channel, among: Mapping[str, Any]
    ) -> None:
        """One field of an object of a known form."""
        if child.__class__ is str:
            if not child or _no_text(key, child, among):
                return
            if key in ARGUMENTS or (key == "input" and _is_call(among, steps)):
                self.arguments(child, where, steps)
            else:
                channel = self._named(key, channel)
                if self._answer and channel == "assistant" and key not in SPOKEN:
                    channel = "field"
                self._string(child, where, steps, channel)
        elif child.__class__ is dict:
            if key in ARGUMENTS or (key == "input" and _is_call(among, steps)):
                self.free(child, where, steps, "arguments")
            elif key in FREE or (key == "response" and steps[-2:-1] and steps[-2] in RESPONSES):
                self.free(child, where, steps, channel)
            else:
                self._object(child, where, steps, self._named(key, channel))
        elif child.__class__ is list:
            if key in ARGUMENTS:
                self.free(child, where, steps, "arguments")
            else:
                self._list(child, where, steps, self._named(key, channel), key)

    def _named(self, key: str, channel: Channel) -> Channel:
        if channel == "definition" or (self._answer and key == "output"):
            return channel
        return NAMED.get(key, channel)

    def _list(self, value: list[Any], where: str, steps: Steps, channel: Channel, key: str = "") -> None:
        if len(value) > _LISTED and {*map(type, value)} <= _NUMBERS:
            return  # a vector, or tokens
        for at, child in enumerate(value):
            if child.__class__ is dict:
                self._object(child, f"{where}[{at}]", (*steps, at), channel)
            elif child.__class__ is str:
                if child and not (key in MEDIA and is_media(child, {})):
                    self._string(child, f"{where}[{at}]", (*steps, at), channel)
            elif child.__class__ is list:
                self._list(child, f"{where}[{at}]", (*steps, at), channel, key)

    # --- objects of any form

    def arguments(self, text: str, where: str, steps: Steps) -> None:
        """A string that a tool is called with: JSON, or a text."""
        if self._known is not None and self._is_known(text, steps):
            return
        if not self._inside(text, where, steps, "arguments"):
            self.items.append(Text(where, "arguments", text, steps))

    def free(self, value: Any, where: str, steps: Steps, channel: Channel) -> None:
        """Every string, key and long number of an object of any form."""
        kind = value.__class__
        if kind is str:
            if value:
                self._string(value, where, steps, channel)
        elif kind is dict:
            for key, child in value.items():
                under = f"{where}.{shown(key)}"
                if key:
                    self.items.append(Text(under, channel, key, (*steps, key, KEY), "key"))
                self.free(child, under, (*steps, key), channel)
        elif kind is list:
            for at, child in enumerate(value):
                self.free(child, f"{where}[{at}]", (*steps, at), channel)
        elif kind is int and not -LEAST_NUMBER < value < LEAST_NUMBER:
            self.items.append(Text(where, channel, str(value), steps, "number"))

    def _string(self, text: str, where: str, steps: Steps, channel: Channel) -> None:
        """A text. One that is JSON with escapes in it is looked into, since they could hide anything."""
        if self._known is not None and self._is_known(text, steps):
            return
        if "\\u" in text and text.lstrip()[:1] in _OPENS and self._inside(text, where, steps, channel):
            return
        self.items.append(Text(where, channel, text, steps))

    def _is_known(self, text: str, steps: Steps) -> bool:
        made = self._known.get(text) if self._known is not None else None
        if made is None:
            return False
        if made != text:
            self.again.append((steps, made))
        return True

    def _inside(self, text: str, where: str, steps: Steps, channel: Channel) -> bool:
        """Take the texts of a text that is JSON. Returns: whether it is."""
        if self._deep == MOST_INSIDE or text.lstrip()[:1] not in _OPENS:
            return False
        found = decoded(text.encode("utf-8", "replace"))
        if found is None:
            return False
        if found.doubled:
            if "\\u" not in text:
                return False
            why = f"`{where}` is JSON in which a key comes twice"
            raise (
                GuardFailed(f"{why}, so that no guard can tell what it says")
                if self._answer
                else BadRequest(f"{why}; send it once", param=where)
            )
        self._deep += 1
        self.free(found.value, where, (*steps, INSIDE), channel)
        self._deep -= 1
        return True


_NUMBERS = frozenset({int, float})
_WORDLESS = frozenset({int, float, bool, type(None)})
"""Values of an object of a known form that have no text."""
_OPENS = ("{", "[", '"')


def _no_text(key: str, child: str, among: Mapping[str, Any]) -> bool:
    """Whether a string is a word of the protocol, an id, a proof or a medium."""
    kept = STRINGS.get(key)
    if kept is not None:
        return (IS_MARK(child) if kept == "mark" else IS_OPAQUE(child)) is not None
    if key in URLS:
        return child.startswith("data:") and is_media_url(child)
    if key in MEDIA:
        if key == "data" and among.get("type") == "redacted_thinking":
            return IS_OPAQUE(child) is not None
        return is_media(child, among)
    return False


def _whose(value: Mapping[str, Any], channel: Channel) -> Channel:
    """The channel of an object by what it says of itself."""
    role, kind = value.get("role"), value.get("type")
    if isinstance(role, str):
        channel = ROLES.get(role, "user")
    if isinstance(kind, str):
        over = KINDS.get(kind)
        if over is not None:
            channel = over
        elif kind.endswith(RESULTS):
            channel = "tool"
    if value.get("thought") is True:
        channel = "reasoning"
    return channel


def _is_call(among: Mapping[str, Any], steps: Steps) -> bool:
    """Whether the field `input` of an object is what a tool is called with."""
    kind = among.get("type")
    return (isinstance(kind, str) and kind in CALLS) or (len(steps) > 1 and steps[-2] in CALLED)
