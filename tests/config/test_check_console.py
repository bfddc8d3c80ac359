"""The console needs the admin API's listener."""

from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

Load = Callable[..., Loaded]
Mistakes = Callable[..., list[Problem]]
TEXT = """\
providers: {lab: {lab: {models: {fast: {}}}}}
models: {fast: {provider: lab}}
"""


def test_without_the_admin_api_there_is_no_console(mistakes: Mistakes) -> None:
    (problem,) = mistakes(f"{TEXT}console: {{}}\n")

    assert (problem.path, problem.line, problem.remedy) == ("console", 3, "add `admin: {}`")


@pytest.mark.parametrize("console", ["{}", "{title: Staging, session_s: 600, refresh_s: 5, page_rows: 100}"])
def test_beside_it_there_is_one(loaded: Load, console: str) -> None:
    assert loaded(f"{TEXT}admin: {{}}\nconsole: {console}\n").settings.console is not None


@pytest.mark.parametrize(
    "console",
    ["{title: ''}", "{session_s: 59}", "{refresh_s: 0}", "{page_rows: 9}", "{page_rows: 201}", "{theme: red}"],
)
def test_what_it_can_t_be_is_refused(mistakes: Mistakes, console: str) -> None:
    assert [one.line for one in mistakes(f"{TEXT}admin: {{}}\nconsole: {console}\n")] == [4]
