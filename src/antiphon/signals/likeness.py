"""How like an operator's examples a request is."""

from collections.abc import Mapping, Sequence
from operator import mul

from antiphon.core.embedding import Embedding
from antiphon.core.signal import Value
from antiphon.signals.facts import How, RequestFacts
from antiphon.signals.judged import Judged, unknown
from antiphon.signals.settings import SignalSettings


class Likeness:
    """The examples of one revision, once their vectors are known."""

    def __init__(self, settings: SignalSettings) -> None:
        self._texts = {name: tuple(one.texts) for name, one in settings.examples.items()}
        self.embedders = {name: one.embedder or settings.embedder for name, one in settings.examples.items()}
        """Whose vectors each list of examples is compared by; empty: nobody's."""
        self._vectors: dict[str, tuple[Embedding, ...]] = {}

    def texts(self, embedder: str) -> tuple[str, ...]:
        """All examples that an embedder has to turn into vectors."""
        return tuple(text for name in self._whose(embedder) for text in self._texts[name])

    def learn(self, embedder: str, vectors: Sequence[Embedding]) -> None:
        """Take the vectors of `texts(embedder)`, in their order. Raises: ValueError, when they are more or fewer."""
        wanted = len(self.texts(embedder))
        if len(vectors) != wanted:
            raise ValueError(f"{embedder}: {len(vectors)} vectors of {wanted} examples")
        at = 0
        for name in self._whose(embedder):
            end = at + len(self._texts[name])
            self._vectors[name] = tuple(vectors[at:end])
            at = end

    def _whose(self, embedder: str) -> list[str]:
        return [name for name, one in self.embedders.items() if one == embedder]

    def how(self) -> Mapping[str, How]:
        return {f"like.{name}": self._how(name) for name in self._texts}

    def _how(self, name: str) -> How:
        embedder = self.embedders[name]

        def work(facts: RequestFacts) -> Value | Judged:
            if not embedder:
                return unknown("no embedder is configured for it")
            examples, vector = self._vectors.get(name), facts.vectors.get(embedder)
            if examples is None or vector is None:
                return unknown(f"{embedder} gave no vector of the {'examples' if examples is None else 'request'}")
            return max(cosine(vector, one) for one in examples)

        return work


def cosine(one: Embedding, other: Embedding) -> float:
    """Of vectors of length 1."""
    return sum(map(mul, one, other))
