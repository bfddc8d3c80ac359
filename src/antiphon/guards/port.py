"""What a guard is: pure, fast, told apart from how it is fed. One that has to ask somebody else is a `Judge`."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from msgspec import Struct, structs

from antiphon.core.data_class import DataClass
from antiphon.core.finding import Channel, Finding, GuardAction, Side

LONGEST_TAIL = 96
"""Most characters of a stream that are held back because more could make a match of them."""
CONTEXT = 256
"""Characters before what is new that a detector may look at in a stream."""
Granularity = Literal["span", "sentence", "whole"]
"""What a detector has to see of a stream at once: as much as `tail` says; a sentence; all of a text."""


class Match(Struct, frozen=True, gc=False):
    """A place in a text: characters from `start` up to `end`."""

    start: int
    end: int
    kind: str
    """What it is, such as `email`."""
    rule: str
    """What found it, such as `pii.email`."""
    score: float = 1.0


class Text(Struct, frozen=True, gc=False):
    """One text of a request or answer."""

    where: str
    """Path in the body, as errors and findings name it: `messages[2].content[0].text`."""
    channel: Channel
    text: str
    steps: tuple[str | int, ...] = ()
    """The same path, to walk: keys and places."""
    within: str = ""
    """`json`: a text that holds JSON, such as a tool's arguments."""


class Asked(Struct, frozen=True, gc=False, kw_only=True):
    """Who asks, as guards may know it."""

    tenant: str = ""
    route: str = ""
    data_class: DataClass = "public"
    system: str = ""
    """The system prompt and the tools' definitions, for what looks for them in answers."""


class Edit(Struct, frozen=True, gc=False):
    """Put `text` in the place of the characters from `start` up to `end` of one text."""

    start: int
    end: int
    text: str


class Detector(ABC):
    """Looks for one kind of thing in a text. It keeps nothing between texts, and is shared by all requests."""

    granularity: Granularity = "span"
    """What it has to see at once."""
    context: int = CONTEXT
    """Characters before a match that it depends on, at most `CONTEXT`."""
    plain_words: bool = False
    """No match begins, ends or goes on in plain words, so that a stream need not show them: words of at most 18 Latin
    letters (but for the dotless i), `'` and single `-`, each beginning with a letter, with white space or a comma before
    and after, or the beginning before, and more punctuation only where white space follows. Words of Cyrillic or Greek
    letters alone are such words, too, and letters of most other scripts count as white space. But one to three
    capitals, and names of months, may begin a match.
    """

    @abstractmethod
    def find(self, text: str) -> Sequence[Match]:
        """All matches, in order of start, none overlapping another of this detector."""

    def find_for(self, text: Text, asked: Asked, side: Side) -> Sequence[Match]:
        """The same, for one that has to know whose text it is: what screens and gates call.

        Of an answer's stream, `text.text` is as much as `granularity` says, and `text.channel` is `assistant`,
        `reasoning` or `arguments`.
        """
        return self.find(text.text)

    def tail(self, text: str) -> int:
        """Where the tail begins that could still become a match, or part of a longer one, if more text follows:
        `len(text)` where there is none. What begins before it is decided. A stream shows at least `CONTEXT` characters
        before the tail.
        """
        return len(text)

    def find_from(self, text: str, start: int) -> Sequence[Match]:
        """Those that `find` has from `start` on, where nothing that begins before it reaches beyond it. What is before
        `start` is context.
        """
        low = start - self.context
        if low <= 0:
            return [one for one in self.find(text) if one.start >= start]
        found = [one for one in self.find(text[low:]) if one.start >= self.context]
        return [structs.replace(one, start=low + one.start, end=low + one.end) for one in found]

    def scan(self, text: str, start: int) -> tuple[Sequence[Match], int]:
        """Matches from `start` on that are certain, whatever follows; and the tail, which none of them begins in."""
        low = max(0, start - self.context)
        tail = max(start, low + self.tail(text[low:] if low else text))
        return [one for one in self.find_from(text, start) if one.start < tail], tail

    def reach(self, match: Match, text: str, at: int) -> int:
        """Where a match ends whose first `LONGEST_TAIL` characters were decided and that covers what is before `at`:
        `len(text)`, where it may go on. Default: at once. Whether it is a match depends on those characters alone.
        """
        return at

    def mended(self, text: str, match: Match) -> str:
        """What `rewrite` puts in the place of a match; default: nothing, so that it is taken out."""
        return ""

    def marks(self, text: Text, asked: Asked) -> Sequence[Edit]:
        """Edits of a request's text that need no finding, in order of start; those that meet a match's are left out."""
        return ()


class Guard(Struct, frozen=True, kw_only=True):
    """A detector, and what is done about what it finds."""

    name: str
    kind: str
    """Key of its settings: `pii`, `secrets` and so on."""
    detector: Detector
    sides: frozenset[Side] = frozenset(("request", "answer"))
    channels: frozenset[Channel] | None = None
    """Of requests; None: all."""
    action: GuardAction = "flag"
    answer_action: GuardAction = "flag"
    actions: tuple[tuple[str, GuardAction], ...] = ()
    """Where a kind of finding has its own: (kind, action)."""
    shadow: bool = False
    closed: Literal["always", "never", "by_class"] = "always"
    """What its failure means: nothing passes; it is noted, and passes; or as the data class says."""
    raises: DataClass | None = None
    """A finding raises the request's data class to it."""
    routes: frozenset[str] | None = None
    """None: all."""
    threshold: float = 0.0
    """Matches below are none."""


class Screened(Struct, frozen=True, kw_only=True):
    """What guards make of some texts."""

    findings: tuple[Finding, ...] = ()
    edits: tuple[tuple[int, tuple[Edit, ...]], ...] = ()
    """(place of the text, its edits in order)."""
    blocked: tuple[str, ...] = ()
    """Rules that block; empty: none does."""
    raises: DataClass | None = None
    private: bool = False
    """Only private deployments may answer."""
    approve: tuple[str, ...] = ()
    """Rules that want a person asked."""
    tokens: tuple[tuple[str, str], ...] = ()
    """(token, value) of what was masked."""
