"""Mistakes in policies: the settings, and every policy in the files."""

from collections.abc import Iterator

from antiphon.config.settings import Settings
from antiphon.config.written import Written
from antiphon.core.error import ConfigError, Problem
from antiphon.policy.compile import rules_of
from antiphon.policy.source import files_of, read_files


def check_policy(settings: Settings, written: Written) -> Iterator[Problem]:
    """What is wrong, in the files of policies with their own lines."""
    policy = settings.policy
    if not written.sound(("policy",)):
        return
    wrong = list(policy.check())
    for path, what, remedy in wrong:
        yield written.problem(("policy", path), what, remedy)
    for at, pattern in enumerate(policy.files):
        if not files_of((pattern,)):
            yield written.problem(
                ("policy", "files", at),
                f"no file is named so: {pattern}",
                "name a file, or a pattern of files that are there",
            )
    if wrong:
        return
    try:
        sources = read_files(policy.files)
    except ConfigError as error:
        yield from error.problems
        return
    yield from rules_of(sources, policy.tiers)[1]
