"""Forms are read where they stand, and what two readers could take in two ways is refused."""

import re
from email.parser import BytesParser
from email.policy import HTTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from antiphon.core.body import Body
from antiphon.core.error import BadRequest, WrongMediaType
from antiphon.wire.multipart import MAX_PARTS, content_type_of, read, read_long

TYPE = b"multipart/form-data; boundary=b"


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end


def field(name: bytes, value: bytes) -> bytes:
    return b'Content-Disposition: form-data; name="%b"\r\n\r\n%b' % (name, value)


FILE = b'content-disposition: form-data; name="file"; filename="a.mp3"\r\ncontent-type: audio/mpeg\r\n\r\n'


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 50, 10_000])
def test_parts_are_found_however_the_body_was_cut(cut: int) -> None:
    sound = b"\x00\r\n--\r\n--c\n--\r\n-" * 5
    text = form(field(b"model", b"whisper"), FILE + sound, field(b"empty", b""))
    body = Body(tuple(text[at : at + cut] for at in range(0, len(text), cut)))
    found = read(body, TYPE)
    values = {part.name: body.slice(part.start, part.end) for part in found.parts}
    assert values == {"model": b"whisper", "file": sound, "empty": b""}
    assert [part.file for part in found.parts] == [None, "a.mp3", None]
    assert found.parts[1].media_type == "audio/mpeg"
    assert all(body.slice(part.key, part.key + 3) == b"--b" for part in found.parts)


def test_a_long_file_is_searched_in_slices() -> None:
    text = form(FILE + b"x" * 5_000_000)
    *between, end = read_long(Body((text,)), TYPE)
    assert between.count(None) == len(between) >= 4
    assert end is not None


@pytest.mark.parametrize(
    ("given_type", "error"),
    [
        (b"application/json", WrongMediaType),
        (b"", WrongMediaType),
        (b"multipart/form-data", BadRequest),
        (b"multipart/form-data; boundary=", BadRequest),
        (b'multipart/form-data; boundary="b "', BadRequest),
        (b"multipart/form-data; boundary=" + b"b" * 71, BadRequest),
        (b"multipart/form-data; boundary=b; boundary=c", BadRequest),
        (b"multipart/form-data; boundary=b, x", BadRequest),
        (b"multipart/mixed; boundary=b", WrongMediaType),
    ],
)
def test_a_content_type_that_names_no_one_boundary_is_refused(given_type: bytes, error: type[BadRequest]) -> None:
    with pytest.raises(error):
        read(Body((form(field(b"a", b"b")),)), given_type)


REFUSED = {
    "nothing": b"",
    "no part": b"--b--\r\n",
    "a preamble": b"hello\r\n" + form(field(b"a", b"b")),
    "an epilogue": form(field(b"a", b"b")) + b"hello",
    "an epilogue that is another form": form(field(b"a", b"b")) + form(field(b"model", b"x")),
    "no end": form(field(b"a", b"b"), end=b""),
    "half an end": form(field(b"a", b"b"), end=b"--b-"),
    "a boundary that goes on": form(field(b"a", b"b"), end=b"--bc\r\n"),
    "spaces behind a boundary": form(field(b"a", b"b"), end=b"--b \r\n--b--\r\n"),
    "line feeds alone": form(field(b"a", b"b")).replace(b"\r\n", b"\n"),
    "a boundary behind a line feed alone": form(field(b"a", b"b\n--b\r\nx: y\r\n\r\nz")),
    "a header behind a line feed alone": form(b'a: b\ncontent-disposition: form-data; name="a"\r\n\r\nb'),
    "a folded header": form(b'content-disposition: form-data;\r\n name="a"\r\n\r\nb'),
    "no headers": form(b"\r\nb"),
    "no disposition": form(b"a: b\r\n\r\nb"),
    "two dispositions": form(
        b'content-disposition: form-data; name="a"\r\ncontent-disposition: form-data; name="b"\r\n\r\nb'
    ),
    "two names": form(b'content-disposition: form-data; name="a"; name="b"\r\n\r\nb'),
    "an extended name": form(b"content-disposition: form-data; name=a; name*=utf-8''b\r\n\r\nb"),
    "no name": form(b"content-disposition: form-data\r\n\r\nb"),
    "an attachment": form(b"content-disposition: attachment; name=a\r\n\r\nb"),
    "a transfer encoding": form(
        b"content-disposition: form-data; name=a\r\ncontent-transfer-encoding: base64\r\n\r\nb"
    ),
    "a NUL in a header": form(b'content-disposition: form-data; name="a"\r\nx: \x00\r\n\r\nb'),
    "a space before a colon": form(b'content-disposition : form-data; name="a"\r\n\r\nb'),
    "headers without end": form(b"a: " + b"b" * 10_000 + b"\r\n\r\n"),
    "too many parts": form(*[field(b"a", b"")] * (MAX_PARTS + 1)),
    "an unfinished quote": form(b'content-disposition: form-data; name="a\r\n\r\nb'),
    "a name that is not UTF-8": form(field(b"\xff", b"b")),
    "a filename* that is not UTF-8": form(b"content-disposition: form-data; name=a; filename*=latin1''a\r\n\r\nb"),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_what_could_be_read_in_two_ways_is_refused(text: bytes) -> None:
    with pytest.raises(BadRequest):
        read(Body((text,)), TYPE)


@pytest.mark.parametrize(
    ("parameters", "file"),
    [
        (b"filename=a.mp3", "a.mp3"),
        (b'filename="a%22b%0D.mp3"', 'a"b\r.mp3'),
        (b'filename="a\\"b.mp3"', 'a"b.mp3'),
        (b"filename*=UTF-8''%c3%a9.mp3", "é.mp3"),
        (b"filename=\"e.mp3\"; filename*=utf-8'en'%C3%A9.mp3", "é.mp3"),
        ('filename="é.mp3"'.encode(), "é.mp3"),
        (b'filename=""', ""),
    ],
)
def test_names_of_files_are_read_as_browsers_and_sdks_write_them(parameters: bytes, file: str) -> None:
    text = form(b"content-disposition: form-data; name=file; %b\r\n\r\nx" % parameters)
    assert read(Body((text,)), TYPE).parts[0].file == file


def test_a_field_that_comes_twice_is_refused_when_it_is_read() -> None:
    body = Body((form(field(b"model", b"a"), field(b"model", b"b")),))
    found = read(body, TYPE)
    with pytest.raises(BadRequest, match="2 times"):
        found.text(body, "model")


def test_a_file_is_no_field() -> None:
    body = Body((form(FILE + b"x"),))
    with pytest.raises(BadRequest, match="not a file"):
        read(body, TYPE).text(body, "file")


@given(
    st.lists(st.tuples(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.binary(max_size=30)), min_size=1, max_size=4)
)
def test_another_reader_reads_the_same(parts: list[tuple[str, bytes]]) -> None:
    parts = [(name, value) for name, value in parts if b"\n--b" not in b"\n" + value]
    text = form(*(field(name.encode(), value) for name, value in parts)) if parts else form(field(b"a", b""))
    body = Body((text,))
    found = [(part.name, body.slice(part.start, part.end)) for part in read(body, TYPE).parts]
    assert found == (parts or [("a", b"")])
    if all(re.fullmatch(rb"[ -~]*", value) for _, value in parts):
        message = BytesParser(policy=HTTP).parsebytes(b"content-type: %b\r\n\r\n%b" % (TYPE, text))
        assert len(list(message.iter_parts())) == len(found)


@given(st.binary(max_size=200), st.integers(1, 9))
def test_any_bytes_are_read_or_refused(text: bytes, cut: int) -> None:
    text = b"--b" + text
    for body in (Body((text,)), Body(tuple(text[at : at + cut] for at in range(0, len(text), cut)))):
        try:
            read(body, TYPE)
        except BadRequest:
            continue


def test_the_content_type_is_told_by_the_body() -> None:
    body = Body((form(field(b"a", b"b")),))
    assert content_type_of(body) == b'multipart/form-data; boundary="b"'
    assert read(body, content_type_of(body)).boundary == b"b"


def test_a_header_of_blanks_is_refused_at_once() -> None:
    """A pattern that goes back over the blanks takes minutes for it."""
    headers = b"x:" + b" " * 8_000 + b"\x00"
    with pytest.raises(BadRequest, match="is not valid"):
        read(Body((form(headers + b"\r\n\r\n"),)), TYPE)


def test_blanks_around_a_headers_value_say_nothing() -> None:
    part = b'content-disposition: \t form-data; name="file"; filename="a"  \r\ncontent-type:\taudio/mpeg \t\r\n\r\nx'
    (found,) = read(Body((form(part),)), TYPE).parts
    assert (found.name, found.file, found.media_type) == ("file", "a", "audio/mpeg")
