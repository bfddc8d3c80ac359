"""What is wrong with the settings of a guard whose single values are right."""

from collections.abc import Iterator
from typing import Protocol, cast

from antiphon.core.finding import GuardAction
from antiphon.guards.kinds import ANSWER, DEFAULTS, REQUEST, REQUEST_ONLY, Default
from antiphon.guards.python import NoFunction, load
from antiphon.guards.regex import BadPattern, compiled
from antiphon.guards.schema import BadSchema, SchemaDetector
from antiphon.guards.settings import KINDS, GuardSettings
from antiphon.guards.settings_content import (
    HarmSettings,
    InjectionSettings,
    LengthSettings,
    SchemaSettings,
    TopicsSettings,
)
from antiphon.guards.settings_custom import PythonGuardSettings, RegexSettings
from antiphon.guards.topics import LEAST_FUZZY

Path = tuple[str | int, ...]
Mistake = tuple[Path, str, str]
"""Path below the guard, what is wrong, what to write."""


class _Checked(Protocol):
    def check(self) -> list[tuple[str, str, str]]: ...


def mistakes(guard: GuardSettings) -> Iterator[Mistake]:
    """Of one guard. Files are read, and functions loaded."""
    kinds = guard.kinds()
    if len(kinds) != 1:
        found = f"has {' and '.join(f'`{kind}`' for kind in kinds)}" if kinds else "has no kind"
        yield (), found, f"write one of {', '.join(KINDS)}"
        return
    kind = kinds[0]
    yield from _sides(guard, kind, DEFAULTS[kind])
    yield from _actions(guard, kind, DEFAULTS[kind])
    for path, wrong, remedy in _own(guard, kind):
        yield (kind, *path), wrong, remedy


def _sides(guard: GuardSettings, kind: str, default: Default) -> Iterator[Mistake]:
    for at, side in enumerate(guard.on):
        if side not in default.can:
            yield (
                ("on", at),
                f"`{kind}` can't look at the {side}",
                f"write `{next(iter(default.can))}`, or leave it out",
            )
    sides = frozenset(guard.on) or default.sides
    if sides == ANSWER:
        for key, written in (("channels", guard.channels), ("raises", guard.raises)):
            if written:
                yield (key,), "has no effect: this guard looks at answers alone", "leave it out"
    if sides == REQUEST and guard.answer_action is not None:
        yield ("answer_action",), "has no effect: this guard looks at requests alone", "leave it out"


def _actions(guard: GuardSettings, kind: str, default: Default) -> Iterator[Mistake]:
    sides = frozenset(guard.on) or default.sides
    written: list[tuple[Path, GuardAction | None, bool]] = [
        (("action",), guard.action, sides == ANSWER),
        (("answer_action",), guard.answer_action, True),
        *((("actions", name), action, sides == ANSWER) for name, action in guard.actions.items()),
    ]
    for path, action, answers in written:
        if action is None:
            continue
        possible = default.actions - REQUEST_ONLY if answers else default.actions
        if action not in possible:
            whose = "answers" if action in default.actions else f"what `{kind}` finds"
            yield path, f"`{action}` can't be done about {whose}", f"write one of {', '.join(sorted(possible))}"


def _own(guard: GuardSettings, kind: str) -> Iterator[Mistake]:
    own = getattr(guard, kind)
    match own:
        case InjectionSettings():
            yield from _injection(own)
        case HarmSettings(rules=False, model=False):
            yield (), "looks for nothing: `rules` and `model` are false", "leave one of them out"
        case TopicsSettings():
            yield from _topics(own)
        case SchemaSettings():
            yield from _schema(own)
        case LengthSettings(characters=None, tokens=None):
            yield (), "has no limit", "write `characters` or `tokens`"
        case RegexSettings():
            yield from _patterns(own)
        case PythonGuardSettings():
            yield from _function(own)
        case _ if hasattr(own, "check"):
            for path, wrong, remedy in cast("_Checked", own).check():
                yield steps(path), wrong, remedy
        case _:
            pass


def _injection(own: InjectionSettings) -> Iterator[Mistake]:
    if not (own.rules or own.model or own.spotlight != "off"):
        yield (), "looks for nothing: `rules` and `model` are false", "leave one of them out"


def _topics(own: TopicsSettings) -> Iterator[Mistake]:
    for name, topic in own.topics.items():
        at = ("topics", name)
        if not (topic.words or topic.examples):
            yield at, "has neither words nor examples", "write `words` or `examples`"
        if topic.fuzzy and not any(len(word) >= LEAST_FUZZY for word in topic.words):
            yield (*at, "fuzzy"), f"has no effect: no word has {LEAST_FUZZY} letters", "leave it out"


def _schema(own: SchemaSettings) -> Iterator[Mistake]:
    if (own.file is None) == (own.schema is None):
        yield (), "needs a schema, once", "write `file` or `schema`"
        return
    try:
        SchemaDetector(own)
    except BadSchema as error:
        yield (
            ("schema" if own.file is None else "file",),
            str(error),
            "write a JSON Schema with references to itself alone",
        )


def _patterns(own: RegexSettings) -> Iterator[Mistake]:
    for name, pattern in own.patterns.items():
        try:
            compiled(pattern)
        except BadPattern as error:
            remedy = "write RE2's syntax, which has no references back and no looking around"
            yield ("patterns", name, "pattern"), f"is no pattern: {error}", remedy


def _function(own: PythonGuardSettings) -> Iterator[Mistake]:
    try:
        load(own.call)
    except NoFunction as error:
        yield ("call",), error.why, error.remedy


def steps(path: str) -> Path:
    """A path such as `types[2].name` as steps."""
    out: list[str | int] = []
    for part in path.split("."):
        name, *places = part.replace("]", "").split("[")
        out += [name, *map(int, places)]
    return tuple(one for one in out if one != "")
