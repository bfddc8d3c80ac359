"""The facts of one request: each is worked out when it is first asked for, and kept."""

from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import TypeAlias, TypeVar

from antiphon.core.embedding import Embedding
from antiphon.core.signal import Fact, Facts, Value
from antiphon.signals.about import About
from antiphon.signals.judged import Judged, unknown
from antiphon.signals.said import Said, Unread, said

T = TypeVar("T")
MISSING = object()
CLOSELY = 8000
"""Characters of a text that most facts look at. Words and patterns of keywords are looked for in all of it."""
CLOSELY_END = 2000


def closely(text: str) -> str:
    """Of a long text, most of its start and the end."""
    return text if len(text) <= CLOSELY else f"{text[: CLOSELY - CLOSELY_END]}\n{text[-CLOSELY_END:]}"


class RequestFacts(Facts):
    """Reads the request as far as the facts that are asked for need it."""

    __slots__ = ("_ask", "_how", "_judged", "_kept", "_known", "_said", "_took", "about", "vectors")

    def __init__(self, how: Mapping[str, "How"], about: About) -> None:
        self.about = about
        self.vectors: dict[str, Embedding] = {}
        """Of what the user asks, by embedder."""
        self._how = how
        self._known: dict[str, Value] = {}
        self._took: dict[str, int] = {}
        self._judged: dict[str, Judged] = {}
        self._kept: dict[object, object] = {}
        self._said: Said | Unread | None = None
        self._ask: str | None = None

    def value(self, name: str) -> Value:
        found = self._known.get(name, MISSING)
        return self._work_out(name) if found is MISSING else found  # type: ignore[return-value]

    def fact(self, name: str) -> Fact:
        value = self.value(name)
        judged = self._judged.get(name)
        return Fact(
            name=name,
            value=value,
            confidence=1.0 if judged is None else judged.confidence,
            took_us=self._took[name] // 1000,
            why="" if judged is None else judged.why,
        )

    def told(self) -> tuple[Fact, ...]:
        return tuple(map(self.fact, self._known))

    def supply(self, name: str, value: Value, *, confidence: float = 1.0, took_us: int = 0, why: str = "") -> None:
        """Put in a fact that comes from outside, before anything asks for it.

        Raises: KeyError, when none of this name is declared.
        """
        self._how[name]
        self._known[name] = value
        self._took[name] = took_us * 1000
        self._judged[name] = Judged(value, confidence, why)

    def forget(self, name: str) -> None:
        """Have a fact worked out again when it is asked for next: what it needs was put in meanwhile."""
        self._known.pop(name, None)
        self._judged.pop(name, None)

    @property
    def said(self) -> Said:
        """The request's texts. Raises: Unread."""
        if self._said is None:
            try:
                self._said = said(self.about.request)
            except Unread as error:
                self._said = error
        if isinstance(self._said, Unread):
            raise self._said
        return self._said

    @property
    def ask(self) -> str:
        """What the user said last. Raises: Unread."""
        if self._ask is None:
            self._ask = self.said.ask
        return self._ask

    @property
    def start(self) -> str:
        """The part of it that is looked at closely: of a long one, most of its start and the end.

        Raises: Unread.
        """
        return closely(self.ask)

    def once(self, key: object, work: Callable[["RequestFacts"], T]) -> T:
        """What several facts are told from is worked out once. Raises: what `work` does, each time."""
        found = self._kept.get(key, MISSING)
        if found is MISSING:
            found = self._kept[key] = work(self)
        return found  # type: ignore[return-value]

    def _work_out(self, name: str) -> Value:
        how = self._how[name]
        began = perf_counter_ns()
        try:
            found = how(self)
        except Unread as error:
            found = unknown(str(error))
        if type(found) is Judged:
            self._judged[name] = found
            found = found.value
        self._known[name] = found  # type: ignore[assignment]
        self._took[name] = perf_counter_ns() - began
        return found  # type: ignore[return-value]


How: TypeAlias = Callable[[RequestFacts], Value | Judged]
"""Works a fact out. It may raise Unread."""
