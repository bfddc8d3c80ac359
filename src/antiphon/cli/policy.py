"""`antiphon policy check|test|diff|explain|schema`."""

from argparse import Namespace
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path

import msgspec

from antiphon.app.offline import planner
from antiphon.cli import policy_asked, text
from antiphon.cli.configured import configured
from antiphon.cli.exits import Exit
from antiphon.cli.policy_files import policies, sources
from antiphon.cli.terminal import bold, document, put, say
from antiphon.config.load import Loaded
from antiphon.core.deployment import Deployment
from antiphon.core.error import BadRequest
from antiphon.core.verdict import Verdict
from antiphon.policy.cases import Tried, never_decided, tried
from antiphon.policy.lint import Known, lint
from antiphon.policy.matrix import Change, compare
from antiphon.policy.schema import SCHEMA

WRONG = frozenset(("unreachable", "contradictory", "never", "unknown_name"))
"""Oddities that are mistakes."""


def run(arguments: Namespace) -> int:
    """Run the verb."""
    verbs = {"check": _check, "test": _test, "diff": _diff, "explain": _explain, "schema": _schema}
    return verbs[arguments.verb](arguments)


def _schema(_: Namespace) -> int:
    put(SCHEMA.rstrip("\n"))
    return Exit.OK


def _check(arguments: Namespace) -> int:
    loaded = configured(arguments)
    made = policies(sources(arguments.files, loaded), loaded)
    found = lint(made.rules, known(loaded))
    if arguments.json:
        document({"policies": len(made.rules), "oddities": msgspec.to_builtins(found)})
    else:
        for one in found:
            place = f"{one.file}:{one.line}: {one.id}: " if one.id else ""
            put(f"{place}{one.what} ({one.kind})")
        say(f"Policies: {len(made.rules)}; odd: {len(found)}.")
    return Exit.FAILED if any(one.kind in WRONG for one in found) else Exit.OK


def known(loaded: Loaded) -> Known:
    """Names that a configuration has."""
    settings = loaded.settings
    public = (*settings.routes, *(name for name, model in settings.models.items() if model.listed))
    return Known(
        words={
            ("resource", "uid"): tuple(settings.models),
            ("resource", "provider"): tuple(settings.providers),
            ("resource", "tier"): (*settings.policy.tiers, *(one.tier for one in settings.models.values())),
            ("context", "model"): public,
            ("context", "route"): public,
            ("context", "recipe"): (*settings.recipes, ""),
        },
        guards=tuple(settings.guards),
        recipes=tuple(settings.recipes),
        terms=tuple({term for one in settings.models.values() for term in one.terms}),
    )


def _test(arguments: Namespace) -> int:
    loaded = configured(arguments)
    each = sources(arguments.policy, loaded)
    made = policies(each, loaded)
    files = [Path(one) for one in arguments.files] or _beside([one.name for one in each])
    if not files:
        raise BadRequest("there are no tests; write NAME.test.yaml beside NAME.cedar, or name files of tests")
    found = [case for file in files for case in tried(file.read_text("utf-8"), str(file), made)]
    never = never_decided(made, found)
    wrong = [one for one in found if one.wrong]
    if arguments.json:
        document({"cases": msgspec.to_builtins(found), "never_decided": never})
    else:
        put("\n".join(map(_case, found)))
        if never:
            say(f"Never decided by any case: {', '.join(never)}.")
        say(f"{len(found) - len(wrong)} of {len(found)} came out as expected.")
    return Exit.FAILED if wrong else Exit.OK


def _beside(names: list[str]) -> list[Path]:
    paths = (Path(name).with_suffix(".test.yaml") for name in names)
    return [path for path in paths if path.is_file()]


def _case(one: Tried) -> str:
    return f"{one.file}:{one.line}: {one.name}: {'; '.join(one.wrong) or 'ok'}"


def _diff(arguments: Namespace) -> int:
    loaded = configured(arguments)
    old, new = sources([arguments.before], loaded), sources([arguments.after], loaded)
    lines = list(
        unified_diff(
            "\n".join(one.text for one in old).splitlines(),
            "\n".join(one.text for one in new).splitlines(),
            arguments.before,
            arguments.after,
            lineterm="",
        )
    )
    fleet: Mapping[str, Deployment] = {} if arguments.made_up else deployments(loaded)
    found = compare(policies(old, loaded), policies(new, loaded), fleet, most=arguments.requests, seed=arguments.seed)
    if arguments.json:
        document({"text": lines, **msgspec.to_builtins(found)})
    else:
        put("\n".join([*lines, *(line for change in found.changes for line in _change(change))]))
        asked = found.requests * found.deployments
        say(f"{found.changed} of {asked} decisions differ, over {found.requests} requests that were made up.")
    return Exit.FAILED if found.changed else Exit.OK


def _change(change: Change) -> list[str]:
    principal = msgspec.to_builtins(change.principal)
    context = {name: value for name, value in msgspec.to_builtins(change.context).items() if value}
    return [
        "",
        bold(f"{change.before} -> {change.after}"),
        f"  {change.requests} times; first: {change.deployment}, {principal}, {context}",
    ]


def deployments(loaded: Loaded) -> Mapping[str, Deployment]:
    """The deployments of a configuration. Raises: ConfigError."""
    return planner(loaded).revision.deployments


def _explain(arguments: Namespace) -> int:
    loaded = configured(arguments)
    made = policies(sources(arguments.policy, loaded), loaded)
    verdict = policy_asked.verdict(made, arguments.action, arguments.said, deployments(loaded))
    if arguments.json:
        document(msgspec.to_builtins(verdict))
    else:
        put("\n".join(_page(verdict)))
    return Exit.OK if verdict.allowed else Exit.DENIED


def _page(verdict: Verdict) -> list[str]:
    obliged = msgspec.to_builtins(verdict.obligations)
    rows = [
        ("verdict", "allowed" if verdict.allowed else "denied"),
        ("by", ", ".join(verdict.reasons)),
        ("class", verdict.data_class or ""),
        ("obliged to", ", ".join(f"{name} {value}" for name, value in obliged.items()) or "nothing"),
        *(("left out", f"{name}: {why}") for name, why in zip(verdict.excluded, verdict.why, strict=True)),
        *(("in shadow", one) for one in verdict.shadow),
        ("policies", verdict.policy or "none"),
    ]
    return text.pairs(rows)
