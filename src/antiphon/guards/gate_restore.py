"""Puts what tokens stand for back into a text that comes in pieces."""

import re
from collections.abc import Mapping


class Tokens:
    """The tokens of one request, and what they stand for."""

    __slots__ = ("find", "heads", "opening", "values")

    def __init__(self, values: Mapping[str, str]) -> None:
        self.values = values
        longest_first = sorted(values, key=len, reverse=True)
        self.find = re.compile("|".join(map(re.escape, longest_first)))
        self.opening = re.compile("[" + re.escape("".join(sorted({token[0] for token in values}))) + "]")
        """What a token begins with."""
        self.heads = frozenset(token[:length] for token in values for length in range(1, len(token)))
        """All that a token may begin with, less whole ones."""

    def restored(self, text: str) -> str:
        """A whole text with values in the place of tokens."""
        return self.find.sub(lambda match: self.values[match[0]], text)


class Restoring:
    """One lane: holds back an end that may become a token."""

    __slots__ = ("_held", "_tokens")

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._held = ""

    def push(self, text: str) -> str:
        """Returns: what may go now."""
        tokens = self._tokens
        if not self._held and tokens.opening.search(text) is None:
            return text
        text = tokens.restored(self._held + text)
        for match in tokens.opening.finditer(text, max(0, len(text) - _longest(tokens))):
            if text[match.start() :] in tokens.heads:
                self._held = text[match.start() :]
                return text[: match.start()]
        self._held = ""
        return text

    def end(self) -> str:
        """Returns: what was held."""
        held, self._held = self._held, ""
        return held


def _longest(tokens: Tokens) -> int:
    return max(map(len, tokens.heads), default=0)
