from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.knowledge.chunks import chunks
from antiphon.knowledge.index import Index
from antiphon.knowledge.reading import read
from antiphon.knowledge.settings import CollectionSpec

HANDBOOK = """# Returns

Goods may be returned within 30 days.

## Refunds

Refunds are paid within five working days.
They go to the card that paid.

## Exceptions

Underwear and *opened* software.
"""
PAGE = """<html><head><title>Shipping &amp; more</title><style>p {color: red}</style></head><body>
<h1>Shipping</h1><p>Parcels take <b>two</b>
days.</p><script>alert("refunds")</script><ul><li>Zürich</li><li>Genève</li></ul></body></html>"""


def index(base: Path, place: Path | None = None, **spec: object) -> Index:
    return Index("handbook", CollectionSpec(files=["*.md", "**/*.html", "*.txt"], **spec), base, place)  # type: ignore[arg-type]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "returns.md").write_text(HANDBOOK)
    (tmp_path / "web").mkdir()
    (tmp_path / "web" / "shipping.html").write_text(PAGE)
    return tmp_path


def test_passages_are_found_by_their_words_with_where_they_stand(base: Path) -> None:
    made = index(base)
    assert made.refresh() == 2
    best = made.search("when is my refund paid?", 3)[0]
    assert (best.document, best.title, best.heading) == ("returns.md", "Returns", "Returns > Refunds")
    assert best.cited == "returns.md:5-8"
    assert best.text == "## Refunds\nRefunds are paid within five working days.\nThey go to the card that paid."
    page = made.search("geneve", 3)[0]
    assert (page.title, page.text.splitlines()[-1]) == ("Shipping & more", "Genève")
    assert "alert" not in page.text
    assert made.search("nothing like this xyz", 3) != made.search("refund", 3)
    assert made.search("?!", 3) == []
    made.close()


@pytest.mark.parametrize("query", ['"', "refund OR NEAR(", "a AND b*", "text : refund", "' ; DROP TABLE chunks"])
def test_no_query_is_read_as_anything_but_words(base: Path, query: str) -> None:
    made = index(base)
    made.refresh()
    made.search(query, 3)
    assert made.search("refund", 1)
    made.close()


def test_changes_are_taken_in_and_what_is_gone_is_found_no_more(base: Path, tmp_path: Path) -> None:
    made = index(base, tmp_path / "index" / "handbook.db")
    made.refresh()
    (base / "returns.md").write_text(HANDBOOK.replace("five working days", "a fortnight") + "\nMore.\n")
    (base / "web" / "shipping.html").unlink()
    (base / "new.txt").write_text("Vouchers never lapse.")
    assert made.refresh() == 2
    assert made.search("fortnight", 1)
    assert made.search("vouchers", 1)[0].cited == "new.txt:1-1"
    assert made.search("shipping parcels", 1) == []
    made.close()
    again = index(base, tmp_path / "index" / "handbook.db")
    assert again.search("fortnight", 1)  # from the file, nothing read
    again.close()


def test_two_processes_share_an_index_and_smaller_passages_are_made_anew(base: Path, tmp_path: Path) -> None:
    place = tmp_path / "index.db"
    one, two = index(base, place), index(base, place)
    one.refresh()
    two.refresh()
    assert len(two.search("refunds", 9)) == len(one.search("refunds", 9)) == 1
    small = index(base, place, chunk_chars=200)
    small.refresh()
    assert small.search("refunds", 9)
    for made in (one, two, small):
        made.close()


def test_what_is_no_text_or_too_long_is_left_out_with_the_reason(base: Path) -> None:
    (base / "long.txt").write_text("x" * 2000)
    (base / "image.txt").write_bytes(b"\0\1\2")
    made = index(base, file_bytes=1500)
    assert made.refresh() == 2
    assert set(made.skipped) == {"long.txt", "image.txt"}
    made.close()


def test_reading_on_goes_passage_by_passage(base: Path) -> None:
    made = index(base)
    made.refresh()
    found = made.around("returns.md", 1, 5)
    assert [(one.place, one.heading) for one in found] == [(1, "Returns > Refunds"), (2, "Returns > Exceptions")]
    assert made.around("none.md", 0, 5) == []
    made.close()


@given(st.text(alphabet="ab \n#`|é", max_size=2000), st.integers(200, 400))
def test_passages_hold_every_word_once_in_order_and_are_no_longer_than_they_may_be(text: str, most: int) -> None:
    said = chunks(read("x.md", text.encode()), most)
    assert "".join("".join(one.text for one in said).split()) == "".join(text.split())
    assert all(len(one.text) <= most + most // 2 for one in said)
    assert [one.first_line for one in said] == sorted(one.first_line for one in said)
