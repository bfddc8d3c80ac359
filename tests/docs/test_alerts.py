"""The page of budgets shows an alert as it is posted."""

import re

import msgspec
from pages.page import ROOT, Page

from antiphon.core.alert import Alert

PAGE = Page(ROOT / "docs" / "how-to" / "set-budgets.md")
FIELDS = ["type", *(field.encode_name for field in msgspec.structs.fields(Alert))]


def test_the_alert_on_the_page_is_one_with_every_field() -> None:
    (shown,) = (block.text for block in PAGE.blocks if block.lang == "json")

    assert sorted(msgspec.json.decode(shown)) == sorted(FIELDS)
    assert msgspec.to_builtins(msgspec.json.decode(shown, type=Alert)) == msgspec.json.decode(shown)


def test_every_field_of_an_alert_is_explained() -> None:
    body = PAGE.text.partition("| field | meaning |")[2].partition("\n\n")[0]
    named = [name for row in body.splitlines() for name in re.findall(r"`(\w+)`", row.partition(" | ")[0])]

    assert sorted(named) == sorted(FIELDS)
