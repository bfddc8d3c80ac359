import pytest

from antiphon.calls.cache_control import CacheControl, read
from antiphon.core.error import BadRequest


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (b"no-cache", CacheControl(reads=False)),
        (b"no-store", CacheControl(reads=False, keeps=False)),
        (b"max-age=60", CacheControl(max_age_s=60)),
        (b'Max-Age = "0" , NO-CACHE', CacheControl(reads=False, max_age_s=0)),
        (b"only-if-cached", CacheControl(asks=False)),
        (b"max-age=99999999999999999999", CacheControl(max_age_s=2**31)),
        (b"stale-if-error=3, no-transform,,", CacheControl()),
        (b"", CacheControl()),
    ],
)
def test_the_header_says_what_may_be_done(said: bytes, meant: CacheControl) -> None:
    assert read({b"cache-control": said}) == meant


def test_without_it_everything_may() -> None:
    assert read({}) == CacheControl()


@pytest.mark.parametrize("age", [b"soon", b"-1", b"1.5", b"", "²".encode("latin-1"), b"1_0"])
def test_an_age_that_is_no_number_is_refused_by_name(age: bytes) -> None:
    with pytest.raises(BadRequest, match="max-age=") as caught:
        read({b"cache-control": b"max-age=" + age})

    assert caught.value.param == "cache-control"
