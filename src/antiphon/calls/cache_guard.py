"""What must be the same in two texts before they may count as meaning the same, however near their vectors lie.

Vectors of sentences hardly tell numbers, names, denials and the order of words apart: `refund order 41` lies beside `refund
order 42`, and `from savings to checking` beside `from checking to savings`. So these are compared as they stand. Two texts
that differ in an ordinary word alone are left to the threshold: that is a risk.
"""

# Texts are quoted with such marks; and a list of these words would be 300 lines long.
# ruff: noqa: RUF001, SIM905

import re
from collections import Counter
from unicodedata import normalize

from msgspec import Struct

_QUOTED = re.compile(r"\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|`[^`]*`|“[^”]*”|(?<!\w)‘[^’]*’(?!\w)|«[^»]*»|„[^“]*“")
_WORD = re.compile(r"[^\s,;!?()\[\]{}\"“”«»]+")
_ENDS = re.compile(r"[.:!?]$")
_PLAIN = re.compile(r"[a-z]+(?:-[a-z]+)*(?:['’][a-z]+)?")
_SHORT = re.compile(r"(?<!n)['’](?:s|re|ve|ll|d|m)$")
"""What's, they're: said in full as often."""
_DENIES = re.compile(r"(?:n['’]t|cannot)$")
_COURTESY = frozenset(["please", "kindly", "thanks", "hello", "hi", "hey"])
_TELLING = frozenset(
    # denials
    "no not never none nothing nobody neither nor without unless except hardly barely fail fails failed "
    "dont doesnt didnt isnt arent wasnt wont cant couldnt shouldnt wouldnt "
    "nicht kein keine keinen nie niemals ohne weder ni ne pas jamais sans nunca sin nada nem sem senza mai "
    # numbers
    "zero one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand "
    "million billion half quarter double triple first second third last next previous once twice "
    # contraries
    "before after above below over under up down left right out from off "
    "more less most least fewer max min maximum minimum highest lowest largest smallest longest shortest best worst "
    "increase decrease raise lower reduce add remove delete create destroy enable disable activate deactivate open close "
    "start stop begin end allow deny forbid block unblock accept reject approve decline grant revoke buy sell import "
    "export upload download encrypt decrypt encode decode install uninstall connect disconnect subscribe unsubscribe "
    "lock unlock mute unmute show hide true false yes positive negative advantages disadvantages pros cons benefits "
    "drawbacks good bad safe unsafe legal illegal impossible only always "
    # times, and what is asked for
    "today tomorrow yesterday morning evening spring summer autumn winter monday tuesday wednesday thursday friday "
    "saturday sunday january february march april may june july august september october november december "
    "who whom whose when where why".split()
)
"""Words that turn an answer round, in English; denials also in German, French, Spanish, Portuguese and Italian."""


class Wording(Struct, frozen=True, gc=False, array_like=True):
    """A text as it is compared."""

    words: tuple[str, ...]
    """All of them in order, in lower case; what is quoted counts as one."""
    telling: tuple[str, ...]
    """Those that another text must have too, in order of the alphabet: what is quoted, what holds a digit, a sign or a
    letter outside ASCII, names (words with a capital that begin no sentence), denials, and contraries."""


def worded(text: str) -> Wording:
    """Read a text."""
    words: list[str] = []
    telling: list[str] = []
    begins, at = True, 0
    plain = normalize("NFKC", text)
    for match in (*_QUOTED.finditer(plain), None):
        for raw in _WORD.findall(plain[at : len(plain) if match is None else match.start()]):
            word = _SHORT.sub("", raw.rstrip(".:"))
            low = word.lower()
            if low and low not in _COURTESY:
                words.append(low)
                if _tells(low) or (word != low and not begins and low != "i"):
                    telling.append(low)
            begins = bool(_ENDS.search(raw))
        if match is not None:
            at = match.end()
            words.append(match[0][1:-1])
            telling.append(match[0][1:-1])
    return Wording(tuple(words), tuple(sorted(telling)))


def _tells(word: str) -> bool:
    return not _PLAIN.fullmatch(word) or word in _TELLING or bool(_DENIES.search(word))


def agree(one: Wording, other: Wording) -> bool:
    """Whether nothing in the words of two texts says that they mean something else."""
    if one.telling != other.telling:
        return False
    both = Counter(one.words) & Counter(other.words)
    return _order(one.words, both) == _order(other.words, both)


def _order(words: tuple[str, ...], both: Counter[str]) -> list[str]:
    """Words that two texts have in common, in the order of one: the small ones may stand anywhere."""
    return [word for word in words if word in both and len(word) > _SMALL]


_SMALL = 3
"""Letters of words such as `the` and `can`, whose place says little."""
