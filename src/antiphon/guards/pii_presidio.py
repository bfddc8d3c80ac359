"""Names, places and other things that take a model of a language, found by Presidio."""

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from antiphon.guards.port import Detector, Granularity, Match
from antiphon.guards.settings_pii import PresidioSettings

ENTITIES = ("PERSON", "LOCATION", "NRP")
"""What is looked for unless settings say so."""
Analyze = Callable[[str], Sequence[Any]]
"""What finds things in a text: each with `entity_type`, `start`, `end` and `score`."""


class PresidioDetector(Detector):
    """Asks Presidio, which reads whole sentences: some milliseconds each."""

    granularity: Granularity = "sentence"

    def __init__(self, settings: PresidioSettings, analyze: Analyze) -> None:
        self._analyze = analyze
        self._least = settings.score
        self._allow = frozenset(one.casefold() for one in settings.allow)

    def find(self, text: str) -> Sequence[Match]:
        found = sorted(self._analyze(text), key=lambda one: (one.start, -one.end))
        kept: list[Match] = []
        for one in found:
            start, end, score = int(one.start), int(one.end), float(one.score)
            if score < self._least or text[start:end].casefold() in self._allow or (kept and start < kept[-1].end):
                continue
            kind = str(one.entity_type).lower()
            kept.append(Match(start, end, kind, f"presidio.{kind}", score))
        return kept


def detector(settings: PresidioSettings) -> PresidioDetector:
    """The detector of a guard's settings. Loads the model: seconds, and some hundred megabytes.

    Raises: ImportError, OSError, where Presidio or the model is not installed; the check of settings says so before.
    """
    nlp: Any = import_module("presidio_analyzer.nlp_engine")
    analyzer: Any = import_module("presidio_analyzer")
    models = [{"lang_code": settings.language, "model_name": settings.model}]
    engine = nlp.NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
    made = analyzer.AnalyzerEngine(nlp_engine=engine, supported_languages=[settings.language])
    entities = settings.entities or list(ENTITIES)

    def analyze(text: str) -> Sequence[Any]:
        return made.analyze(text=text, language=settings.language, entities=entities)

    return PresidioDetector(settings, analyze)
