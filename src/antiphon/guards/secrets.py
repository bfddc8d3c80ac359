"""Keys, tokens and passwords: found by their format, or by the name that they are given."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ahocorasick_rs import AhoCorasick
from msgspec import Struct

from antiphon.guards.port import LONGEST_TAIL, Detector, Match
from antiphon.guards.secrets_rules import Format, Names, Rules, compiled, rules
from antiphon.guards.secrets_values import entropy, is_secret
from antiphon.guards.settings_secrets import SecretsSettings

_NEAR = 112
"""Characters before a value in which its name stands."""
_END = 40
"""Characters at the end of a run that could be the beginning of a key. No literal, with what may stand before it, is longer."""
_LEAST_BITS = 2.4
"""Bits a character of a key in a known format; less: it stands for one."""
_SHORT = 3
"""Stop words up to this length are for values alone that nothing but their name marks."""
_SIGNS = r"!#-&*+\-./0-9:=?@A-Z^_a-z|~À-ÖØ-öø-ɏ"
_RUN = re.compile(rf"[{_SIGNS}]*")
_RUN_BACK = re.compile(rf"[{_SIGNS}]{{0,40}}")
_MORE = re.compile(r"[A-Za-z0-9_\-./+=%~]*")
_PEM = re.compile(r"-----BEGIN[ A-Z0-9_\-]{0,50}KEY(?: BLOCK)?-----")
_PEM_BEGUN = re.compile(r"-----BEGIN[ A-Z0-9_]{0,56}-{0,5}")
_PEM_BODY = re.compile(r"[A-Za-z0-9+/=\s\\:,\-|\"']*")
_PEM_END = re.compile(r"-----END[ A-Z0-9_]{0,56}-----")
_USERINFO = re.compile(r"://[^\s:/@?#\"'<>]{0,40}:([^\s/@\"'<>]{3,50})@")
_USERINFO_BEGUN = re.compile(r"://[^\s:/@?#\"'<>]{0,40}:[^\s/@\"'<>]{0,50}")
_VALUE = re.compile(
    r"[A-Za-z0-9_.\-]{0,28}?(?: [a-z]{2,10})?[\"'\]`]{0,2}[\t\n\f\r ]{0,4}(?:(?::|=|->|=>|\|)[=>:]{0,2}|is |,|value=)[\t\n\f\r ]{0,4}(?:Some\(|String\()?[\"'`]{0,3}"
)
"""From a name to its value. Bounded in each part, so that no text makes it slow; a call of RE2 would cost four times as much."""
_HEADER = re.compile(
    r"[\"']?[\t\n\f\r ]{0,3}[:=][\t\n\f\r ]{0,3}[\"']?(?:(?i:bearer|basic|token|api-token|apikey|key|digest)[ :=]{1,2})?[\"']?"
)
"""The same of a header."""
_NAMED = 64
"""Characters behind a name that are looked at for the beginning of its value."""
_USER = re.compile(r"-?-u(?:ser)?[ =]{1,2}[\"']?[^\s:\"']{1,40}:[\"']?")


class _Found(Struct, frozen=True, gc=False):
    start: int
    end: int
    rule: str
    grows: bool = False
    """With more text it may go on."""


class _Hit(Struct, frozen=True, gc=False):
    """What a literal leads to."""

    rule: Format | None = None
    names: Names | None = None
    other: str = ""
    pattern: Any = None


class SecretsDetector(Detector):
    """Finds secrets: each text is looked through once for literals, and rules run only where one stands."""

    plain_words = True

    def __init__(self, settings: SecretsSettings, all_rules: Rules | None = None) -> None:
        told = all_rules or rules()
        self._without = frozenset(settings.without)
        self._allow = frozenset(settings.allow)
        self._stop_words = (*told.stop_words, *(word.lower() for word in settings.stop_words))
        self._least_bits = settings.entropy
        hits: list[tuple[str, _Hit]] = []
        for rule in told.rules:
            if rule.id not in self._without:
                pattern = compiled(rule.pattern)
                hits += [(word, _Hit(rule=rule, pattern=pattern)) for word in rule.at]
        for names in told.names:
            if names.id not in self._without:
                pattern = _HEADER if names.value == "header" else _VALUE
                hits += [(word, _Hit(names=names, pattern=pattern)) for word in names.at]
        others = {"private-key": ("-----begin",), "url-password": ("://",), "curl-user": ("-u ", "--user")}
        for other, words in others.items():
            if other not in self._without:
                hits += [(word, _Hit(other=other)) for word in words]
        words = list(dict.fromkeys(word for word, _ in hits))
        self._hits = [tuple(hit for word, hit in hits if word == each) for each in words]
        self._lengths = [len(word) for word in words]
        self._search = AhoCorasick(words)

    def find(self, text: str) -> Sequence[Match]:
        return self.find_from(text, 0)

    def find_from(self, text: str, start: int) -> Sequence[Match]:
        found, _ = self._looked(text, start)
        return [Match(one.start, one.end, "secret", f"secrets.{one.rule}") for one in self._chosen(text, found)]

    def tail(self, text: str) -> int:
        return self.scan(text, max(0, len(text) - 2 * _NEAR))[1]

    def scan(self, text: str, start: int) -> tuple[Sequence[Match], int]:
        found, tail = self._looked(text, start)
        size = len(text)
        run = size - _RUN_BACK.match(text[max(start, size - _END) :][::-1]).end()  # type: ignore[union-attr]
        tail = min(tail, run)
        chosen = self._chosen(text, found)
        for one in chosen:
            if one.grows and one.start < tail:
                tail = one.start
        return [Match(one.start, one.end, "secret", f"secrets.{one.rule}") for one in chosen if one.start < tail], tail

    def reach(self, match: Match, text: str, at: int) -> int:
        rule = match.rule.removeprefix("secrets.")
        if rule == "private-key":
            return _pem_end(text, at)
        named = rule in {"authorization", "password", "secret", "key", "curl-user"}
        return (_RUN if named else _MORE).match(text, at).end()  # type: ignore[union-attr]

    def _chosen(self, text: str, found: list[_Found]) -> list[_Found]:
        """Those that don't overlap: of two, the one that begins first; of two that do, the longer."""
        if not found:
            return found
        found.sort(key=lambda one: (one.start, -one.end))
        chosen: list[_Found] = []
        end = 0
        for one in found:
            if one.start >= end and (not self._allow or text[one.start : one.end] not in self._allow):
                chosen.append(one)
                end = one.end
        return chosen

    def _looked(self, text: str, start: int) -> tuple[list[_Found], int]:
        """What begins at `start` or after it, and where what is not certain begins."""
        low = max(0, start - _NEAR)
        folded = _lower(text[low:] if low else text)
        found: list[_Found] = []
        tail = len(text)
        for index, begin, _ in self._search.find_matches_as_indexes(folded, overlapping=True):
            at = low + begin
            for hit in self._hits[index]:
                for one in self._hit(hit, text, at, self._lengths[index]):
                    if one.start < start:
                        continue
                    if one.rule:
                        found.append(one)
                    else:
                        tail = min(tail, one.start)
        return found, tail

    def _hit(self, hit: _Hit, text: str, at: int, size: int) -> Iterable[_Found]:
        """What a literal leads to; without a rule: where something begins that is not certain."""
        if hit.rule is not None:
            return self._formatted(hit.rule, hit.pattern, text, at)
        if hit.names is not None:
            led = hit.pattern.match(text, at + size, at + size + _NAMED)
            return () if led is None else self._named(hit.names, text, at, led.end())
        match hit.other:
            case "private-key":
                return _private_key(text, at)
            case "url-password":
                return _userinfo(text, at, self._stop_words)
            case _:
                return self._curl(text, at)

    def _formatted(self, rule: Format, pattern: Any, text: str, at: int) -> Iterator[_Found]:
        begin = max(0, at - rule.back)
        if not rule.back and at and _joins(text[at - 1]):
            return
        end = _RUN.match(text, at, at + LONGEST_TAIL + 1).end()  # type: ignore[union-attr]
        if end == len(text) and end - begin <= LONGEST_TAIL:
            yield _Found(at - _RUN_BACK.match(text[begin:at][::-1]).end(), end, "")  # type: ignore[union-attr]
        place = _placed(rule, pattern, text, at)
        if place is None or self._made_up(text[place[0] : place[1]]):
            return
        first, last = place
        if rule.digit and not any(one.isdigit() for one in text[first:last]):
            return
        if rule.more:
            last = _MORE.match(text, last).end()  # type: ignore[union-attr]
            yield _Found(first, last, rule.id, last == len(text))
        elif last == len(text) or not _joins(text[last]):
            yield _Found(first, last, rule.id)

    def _made_up(self, value: str) -> bool:
        """It stands for a key in documentation."""
        folded = value.lower()
        return entropy(value) < _LEAST_BITS or any(word in folded for word in self._stop_words if len(word) > _SHORT)

    def _named(self, names: Names, text: str, at: int, begin: int) -> Iterator[_Found]:
        """What a name at a place says of a value that begins at `begin`."""
        if names.value == "key" and at and text[at - 1].islower() and text[at].islower() and text[at - 1] not in "_-.":
            return
        if "public" in text[max(0, at - 8) : at].lower():
            return
        yield from self._valued(names.id, names.value, text, begin)

    def _curl(self, text: str, at: int) -> Iterator[_Found]:
        if text.rfind("curl", max(0, at - 200), at) < 0:
            return
        led = _USER.match(text, at, at + 56)
        if led is not None:
            yield from self._valued("curl-user", "password", text, led.end(), quoted=True)

    def _valued(self, rule: str, sort: str, text: str, begin: int, *, quoted: bool = False) -> Iterator[_Found]:
        cap = begin + LONGEST_TAIL
        end = _RUN.match(text, begin, cap).end()  # type: ignore[union-attr]
        if end == begin:
            return
        if end == len(text) and end < cap + 1 and len(text) - begin <= LONGEST_TAIL:
            yield _Found(begin, end, "")
        value = text[begin:end]
        quoted = quoted or text[begin - 1] in "\"'`"
        if end < cap:
            value = value if quoted else value.rstrip(".:!?*|&")
            if not value or (end < len(text) and text[end] in "(["):
                return
            if not quoted and "=" in value[:-2] and "://" in value:
                return
        if not is_secret(value, sort, quoted=quoted, stop_words=self._stop_words, least_bits=self._least_bits):
            return
        if end < cap:
            yield _Found(begin, begin + len(value), rule)
        else:
            end = _RUN.match(text, end).end()  # type: ignore[union-attr]
            yield _Found(begin, end, rule, end == len(text))


def _lower(text: str) -> str:
    """The same in lower case, as long."""
    folded = text.lower()
    return folded if len(folded) == len(text) else "".join(one.lower()[0] for one in text)


def _placed(rule: Format, pattern: Any, text: str, at: int) -> tuple[int, int] | None:
    """Where a key stands that has its literal at a place."""
    begin = max(0, at - rule.back)
    window = text[begin : begin + LONGEST_TAIL]
    if not rule.back:
        led = pattern.match(window)
        return None if led is None else (at, at + int(led.end()))
    led = pattern.search(window)
    if led is None or led.start() > at - begin or led.end() <= at - begin:
        return None
    first = begin + int(led.start())
    return None if first and _joins(text[first - 1]) else (first, begin + int(led.end()))


def _joins(letter: str) -> bool:
    return letter.isascii() and (letter.isalnum() or letter == "_")


def _private_key(text: str, at: int) -> Iterator[_Found]:
    led = _PEM.match(text, at, at + LONGEST_TAIL)
    if led is None:
        if _PEM_BEGUN.fullmatch(text, at, at + LONGEST_TAIL) and len(text) - at <= LONGEST_TAIL:
            yield _Found(at, len(text), "")
        return
    end = _pem_end(text, led.end())
    yield _Found(at, end, "private-key", end == len(text))


def _pem_end(text: str, at: int) -> int:
    """Where a private key ends of which `at` is a place."""
    body = _PEM_BODY.match(text, at).end()  # type: ignore[union-attr]
    for mark in _PEM_END.finditer(text, max(0, at - 80), body):
        if mark.end() >= at:
            return mark.end()
    return body


def _userinfo(text: str, at: int, stop_words: tuple[str, ...]) -> Iterator[_Found]:
    led = _USERINFO.match(text, at, at + LONGEST_TAIL)
    if led is not None:
        value = led[1].lower()
        if not value.startswith(("$", "{", "%", "<", "*", "pass", "secret", "pwd")) and not any(
            word in value for word in stop_words
        ):
            yield _Found(led.start(1), led.end(1), "url-password")
    elif _USERINFO_BEGUN.fullmatch(text, at, at + LONGEST_TAIL) and len(text) - at <= LONGEST_TAIL:
        yield _Found(text.index(":", at + 3) + 1, len(text), "")


def detector(settings: SecretsSettings) -> SecretsDetector:
    """The detector of a guard's settings."""
    return SecretsDetector(settings)
