import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.control.passthrough_path import path_of, query_of
from antiphon.core.error import BadRequest

KEPT = {
    b"/models": "/models",
    b"/v1/fine_tuning/jobs": "/v1/fine_tuning/jobs",
    b"/models/gemini-3:generateContent": "/models/gemini-3:generateContent",
    b"/models/a%20b": "/models/a b",
    b"/files/%C3%A9": "/files/é",
    b"/": "/",
    b"/models/": "/models/",
    b"/a..b/.hidden/..c": "/a..b/.hidden/..c",
}
REFUSED = [
    b"",
    b"models",
    b"/../models",
    b"/models/..",
    b"/./models",
    b"/%2e%2e/models",
    b"/%2E./models",
    b"/%252e%252e/models",
    b"/%25252e%25252e/models",
    b"/..;/models",
    b"/a/..%3bx/models",
    b"/..%20/models",
    b"//evil.test/models",
    b"/a//b",
    b"/http://evil.test/",
    b"/http:%2f%2fevil.test/",
    b"/a%2fb",
    b"/a%252fb",
    b"/a%5cb",
    b"/a\\..\\b",
    b"/a%255c..%255cb",
    b"/a%00b",
    b"/a%0d%0aHost:%20evil",
    b"/a%0ab",
    b"/a%3fkey=x",
    b"/a%23b",
    b"/a%ff",
    b"/" + b"a" * 5000,
    b"/%" + b"25" * 10 + b"2e",
]


@pytest.mark.parametrize(("said", "path"), KEPT.items())
def test_a_path_is_decoded_once(said: bytes, path: str) -> None:
    assert path_of(said) == path


@pytest.mark.parametrize("said", REFUSED)
def test_a_path_that_could_lead_elsewhere_is_refused(said: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        path_of(said)
    assert refused.value.said_code == "invalid_path"


@given(st.binary(max_size=60).map(lambda tail: b"/" + tail))
def test_what_is_let_through_has_no_step_that_leads_out(said: bytes) -> None:
    try:
        path = path_of(said)
    except BadRequest:
        return
    assert path.startswith("/")
    assert "//" not in path
    assert "\\" not in path
    assert not {".", ".."} & set(path.split("/"))
    assert path.isprintable() or any(ord(letter) > 0x7F for letter in path)


@pytest.mark.parametrize("said", [b"", b"a=1&b=%20", b"model=a%2Fb", b"q=%C3%A9"])
def test_a_query_goes_on_as_it_came(said: bytes) -> None:
    assert query_of(said) == said.decode()


@pytest.mark.parametrize("said", [b"a=%0d%0aX", b"a=%0A", b"a=%00", b"a=\x7f", b"a=\xff", b"a b", b"a#b", b"a=%7f"])
def test_a_query_with_a_line_end_is_refused(said: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        query_of(said)
    assert refused.value.said_code == "invalid_query"
