"""The page of providers says what the table of profiles says."""

from pages.page import reference
from providers_page import page

PAGE = reference("providers")


def test_the_committed_page_is_current() -> None:
    assert page() == PAGE.text, "run `python tests/docs/providers_page.py > docs/reference/providers.md`"
