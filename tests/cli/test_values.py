from argparse import ArgumentTypeError

import pytest

from antiphon.cli import values


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://gateway.example/antiphon/", "https://gateway.example/antiphon"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080"),
        ("https://gateway.example/antiphon/v1/", "https://gateway.example/antiphon"),
    ],
)
def test_an_address_is_taken_without_its_last_slash_and_without_v1(text, meant):
    assert values.url(text) == meant


@pytest.mark.parametrize(
    "text", ["", "a b", "http://a b", "http://[::1", "http://a#b", "http://a:99999", "file:///etc/passwd"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ArgumentTypeError, match="no address"):
        values.url(text)


@pytest.mark.parametrize(("text", "meant"), [("1", 1), ("10", 10)])
def test_a_whole_number_within_bounds_is_taken(text, meant):
    assert values.whole(1, 10)(text) == meant


@pytest.mark.parametrize("text", ["0", "11", "-1", "1.5", "", "x", "١", "1_0", "9" * 5000])
def test_other_numbers_are_refused(text):
    with pytest.raises(ArgumentTypeError, match="from 1 to 10"):
        values.whole(1, 10)(text)


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "x", "", "86401"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ArgumentTypeError, match="number of seconds"):
        values.seconds(text)


def test_a_duration_is_taken():
    assert values.seconds("0.5") == 0.5


@pytest.mark.parametrize("text", ["", " a", "a\n", "é", "a" * 129])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(ArgumentTypeError, match="no name"):
        values.name(text)


def test_the_longest_name_is_the_servers():
    from antiphon.wire.lineage import MAX_NAME

    assert values.name("a" * MAX_NAME)
    assert values.LONGEST_NAME == MAX_NAME
