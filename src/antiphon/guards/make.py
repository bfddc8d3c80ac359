"""Guards out of settings. Those that ask a model or a service are made where such calls can be made."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from antiphon.core.finding import Side
from antiphon.guards import pii, pii_presidio, secrets
from antiphon.guards.harm import HarmDetector
from antiphon.guards.injection import InjectionDetector
from antiphon.guards.kinds import DEFAULTS
from antiphon.guards.language import LanguageDetector
from antiphon.guards.leak import LeakDetector
from antiphon.guards.length import LengthDetector
from antiphon.guards.output import OutputDetector
from antiphon.guards.port import Detector, Guard
from antiphon.guards.python import PythonDetector
from antiphon.guards.regex import RegexDetector
from antiphon.guards.schema import SchemaDetector
from antiphon.guards.settings import GuardSettings
from antiphon.guards.topics import TopicsDetector
from antiphon.guards.unicode import UnicodeDetector

_Make = Callable[..., Detector]
"""Of a kind's settings, and of the threshold where `_SCORED` has the kind."""
_MAKE: Mapping[str, _Make] = MappingProxyType[str, _Make](
    {
        "pii": pii.detector,
        "presidio": pii_presidio.detector,
        "secrets": secrets.detector,
        "unicode": UnicodeDetector,
        "injection": InjectionDetector,
        "topics": TopicsDetector,
        "harm": HarmDetector,
        "leak": LeakDetector,
        "output": OutputDetector,
        "schema": SchemaDetector,
        "language": LanguageDetector,
        "length": LengthDetector,
        "regex": RegexDetector,
        "python": PythonDetector,
    }
)
_SCORED = frozenset({"injection", "harm"})
"""Kinds whose detectors hold to the threshold themselves."""
_FAILURES = MappingProxyType({"closed": "always", "open": "never", "by_class": "by_class"})


def make(settings: Mapping[str, GuardSettings]) -> tuple[Guard, ...]:
    """The guards of a checked configuration, in its order, but for those of kinds that ask somebody else.

    Raises: whatever reading a schema's file or loading a function raises, which the check of settings reports before.
    """
    return tuple(made for name, one in settings.items() if (made := guard_of(name, one)) is not None)


def guard_of(name: str, settings: GuardSettings) -> Guard | None:
    """None: its kind asks somebody else."""
    kind = settings.kinds()[0]
    if kind not in _MAKE:
        return None
    default = DEFAULTS[kind]
    threshold = default.threshold if settings.threshold is None else settings.threshold
    own = getattr(settings, kind)
    detector = _MAKE[kind](own, threshold) if kind in _SCORED else _MAKE[kind](own)
    action = settings.action or default.action
    sides: frozenset[Side] = frozenset(settings.on) or default.sides
    return Guard(
        name=name,
        kind=kind,
        detector=detector,
        sides=sides,
        channels=frozenset(settings.channels) or default.channels,
        action=action,
        answer_action=settings.answer_action or action,
        actions=tuple(settings.actions.items()),
        shadow=settings.mode == "shadow",
        closed=_FAILURES[settings.failure],  # pyright: ignore[reportArgumentType] - its values are the literals
        raises=settings.raises,
        routes=frozenset(settings.routes) or None,
        threshold=0.0 if kind in _SCORED else threshold,
    )
