from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from fakes.records import PlainSealer

from antiphon.control.handles import STAMP_BYTES, Handles, Thing
from antiphon.core.error import NotFound, UpstreamMalformed

ACME, GLOBEX = Handles(PlainSealer(), "acme"), Handles(PlainSealer(), "globex")


def test_an_id_opens_for_its_tenant_and_is_the_same_each_time() -> None:
    one = ACME.wrap("file", "lab", "file-abc123")
    assert one == ACME.wrap("file", "lab", "file-abc123")
    assert one.startswith("file-")
    assert ACME.unwrap(one, "file", "lines") == Thing(kind="file", account="lab", id="file-abc123")


def test_an_id_opens_for_no_other_tenant() -> None:
    one = ACME.wrap("batch", "lab", "batch_1")
    with pytest.raises(NotFound, match="no batch"):
        GLOBEX.unwrap(one, "batch")


def test_an_id_of_another_kind_is_not_found() -> None:
    with pytest.raises(NotFound, match="no file"):
        ACME.unwrap(ACME.wrap("file", "lab", "file-1"), "lines")
    with pytest.raises(NotFound):
        ACME.unwrap(ACME.wrap("batch", "lab", "batch_1"), "file", "lines")


@pytest.mark.parametrize("said", ["", "file-", "file-abc", "batch_!!", "file-é", "file-" + "A" * 600, "../x"])
def test_what_is_no_id_of_ours_is_not_found(said: str) -> None:
    with pytest.raises(NotFound):
        ACME.unwrap(said, "file", "lines")


def test_a_changed_id_is_not_found() -> None:
    one = ACME.wrap("file", "lab", "file-1").removeprefix("file-")
    text = urlsafe_b64decode(one + "=" * (-len(one) % 4))
    for at in range(len(text)):
        changed = text[:at] + bytes([text[at] ^ 1]) + text[at + 1 :]
        with pytest.raises(NotFound):
            ACME.unwrap("file-" + urlsafe_b64encode(changed).decode().rstrip("="), "file")
    assert len(text) > STAMP_BYTES


@pytest.mark.parametrize("own", ["", "..", "a/b", "a?b", "a b", "é", "x" * 200])
def test_a_providers_id_that_could_lead_elsewhere_is_refused(own: str) -> None:
    with pytest.raises(UpstreamMalformed):
        ACME.wrap("file", "lab", own)


def test_tags_of_tenants_differ() -> None:
    assert ACME.tag != GLOBEX.tag
    assert len(ACME.tag) == 12
