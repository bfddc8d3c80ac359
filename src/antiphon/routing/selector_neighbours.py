"""How models did on the prompts that lie nearest. It needs numpy, which the extra `embedder` brings."""

import importlib
from types import ModuleType

from antiphon.core.embedding import Embedding
from antiphon.core.error import ConfigError, Problem
from antiphon.routing.selector_file import Neighbours


class Nearest:
    """The prompts of a training in memory: 4 bytes for each number of their embeddings."""

    def __init__(self, stored: Neighbours, models: int, where: str) -> None:
        """`where`: the setting that needs it. Raises: ConfigError, when numpy is not installed."""
        numpy = self._numpy = _numpy(where)
        outcomes = numpy.frombuffer(stored.outcomes, "uint8").reshape(-1, models)
        self._outcomes = outcomes.astype("float32") / 255
        vectors = numpy.frombuffer(stored.vectors, "int8").reshape(len(outcomes), -1)
        self._vectors = vectors.astype("float32") * stored.scale
        self._nearest = min(stored.nearest, len(outcomes))
        self._warmth = stored.warmth

    def means(self, embedding: Embedding) -> list[float]:
        """Each model's mean score there; nearer prompts count for more."""
        numpy = self._numpy
        near = self._vectors @ numpy.frombuffer(embedding, "float32")
        found = numpy.argpartition(-near, self._nearest - 1)[: self._nearest]
        weights = numpy.exp((near[found] - near.max()) / self._warmth)
        return (weights @ self._outcomes[found] / weights.sum()).tolist()


def _numpy(where: str) -> ModuleType:
    try:
        return importlib.import_module("numpy")
    except ImportError:
        problem = Problem(
            file="numpy",
            line=0,
            path=where,
            wrong="a selector with neighbours needs numpy, which is not installed",
            remedy="run: pip install 'antiphon[embedder]', or train with --method ridge",
        )
        raise ConfigError([problem]) from None
