import json
import re

import pytest
from console_desk import Office
from odd_receipts import ARABIC, LONG, QUOTES, SCRIPT, TURNED, odd

from antiphon.console import words
from antiphon.console.render import TEMPLATES

OURS = re.compile(r"<script src=\"/console/static/[a-z.]+\.js\" defer></script>")
INLINE = re.compile(r"<script(?! src)|\son[a-z]+\s*=|<style|\sstyle\s*=|javascript:|\shx-on", re.IGNORECASE)
ELSEWHERE = re.compile(r"(?:src|href|action|hx-get)=\"(?!/console|#)", re.IGNORECASE)
TEXT = re.compile(r">[^<]*")
"""Of a page, what is shown: there the names of attributes may stand."""
PLACES = ["receipts", "receipts?model=%3Cscript%3E", "spend", "deployments", "approvals", "policies", "audit"]


def tags(page: str) -> str:
    return TEXT.sub(">", page)


@pytest.mark.parametrize("place", PLACES)
async def test_what_others_wrote_is_text_and_nothing_else(office: Office, place: str) -> None:
    office.keep_odd()
    page = await (await office.sign_in()).get(f"/console/{place}")

    assert not INLINE.search(OURS.sub("", tags(page)))
    assert not ELSEWHERE.search(tags(page))
    assert SCRIPT not in page
    assert QUOTES not in page


@pytest.mark.parametrize("receipt", odd(1_796_000_000 * 10**9), ids=lambda one: one.id[-2:])
async def test_every_receipt_s_page_is_the_same(office: Office, receipt: object) -> None:
    office.keep_odd()
    page = await (await office.sign_in()).get(f"/console/receipts/{receipt.id}")  # type: ignore[attr-defined]

    assert not INLINE.search(OURS.sub("", tags(page)))
    assert not ELSEWHERE.search(tags(page))
    assert SCRIPT not in page
    assert QUOTES not in page


async def test_names_of_other_scripts_stand_alone_and_turn_nothing_round(office: Office) -> None:
    office.keep_odd()
    page = await (await office.sign_in()).get("/console/receipts")

    assert f'<bdi class="name">{ARABIC}</bdi>' in page
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in page
    assert words.said(TURNED) == "safe⟨U+202E⟩gpj.exe"
    assert words.said(TURNED) in page
    assert LONG in page, "cut by the eye alone: it can be copied"


def test_no_template_has_anything_inline_or_unescaped() -> None:
    for path in TEMPLATES.glob("*.html"):
        text = re.sub(r"\{[{%].*?[%}]\}", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert not INLINE.search(OURS.sub("", text)), path.name
        assert "safe" not in re.findall(r"\|\s*(\w+)", path.read_text("utf-8")), path.name
        assert "autoescape" not in path.read_text("utf-8"), path.name


@pytest.mark.parametrize(
    ("nano_usd", "text"),
    [
        (None, "–"),
        (0, "$0"),
        (1, "$0.000000001"),
        (84_000, "$0.000084"),
        (1_930_000, "$0.00193"),
        (123_456_789, "$0.1235"),
        (999_999_999, "$1.00"),
        (1_234_560_000_000, "$1,234.56"),
        (-5_000_000, "−$0.005"),
    ],
)
def test_money_is_said_in_four_digits_or_to_the_cent(nano_usd: int | None, text: str) -> None:
    assert words.usd(nano_usd) == text


@pytest.mark.parametrize(
    ("off_s", "text"),
    [(0, "now"), (5, "5 s ago"), (90, "1 min ago"), (7200, "2 h ago"), (100_000, "1 d ago"), (-120, "in 2 min")],
)
def test_times_are_hinted_at(off_s: int, text: str) -> None:
    now_ns = 1_796_000_000 * 10**9
    assert words.ago(now_ns - off_s * 10**9, now_ns) in {text, text.replace("1 d", "27 h")}


def test_an_action_is_shown_so_that_it_means_the_same() -> None:
    text = '{"a": "x\\u202ey\\u0000", "b": "\\ud83d\\ude00", "tag": "\\udb40\\udc41"}'

    shown = words.pretty(text.encode())

    assert json.loads(shown) == json.loads(text)
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown
    assert "😀" in shown
    assert "\\udb40\\udc41" in shown
    assert words.pretty(b"no json \x1b[31m") == "no json ⟨U+001B⟩[31m"
