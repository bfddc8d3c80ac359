from collections.abc import Callable

import pytest

from antiphon.config.load import Loaded
from antiphon.core.error import Problem

TEXT = "alerts:\n  webhook:\n    url: '%s'\n"


@pytest.mark.parametrize("url", ["https://hooks.example/T0/token", "http://127.0.0.1:9000", "HTTPS://hooks.example"])
def test_an_address_that_is_asked_by_http_is_taken(loaded: Callable[..., Loaded], url: str) -> None:
    assert loaded(TEXT % url).settings.alerts.webhook is not None


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("hooks.example/token", "this is not a URL with a host"),
        ("https://", "this is not a URL with a host"),
        ("https:///token", "this is not a URL with a host"),
        ("", "this is not a URL with a host"),
        ("https://hooks.example:many/token", "this is not a URL with a host"),
        ("ftp://hooks.example/token", "begins with neither http:// nor https://"),
        ("//hooks.example/token", "begins with neither http:// nor https://"),
    ],
)
def test_another_is_told_with_its_line_and_without_what_it_says(
    mistakes: Callable[..., list[Problem]], url: str, wrong: str
) -> None:
    (found,) = mistakes(TEXT % url)

    assert (found.path, found.line, found.wrong) == ("alerts.webhook.url", 3, wrong)
    assert "token" not in str(found)
