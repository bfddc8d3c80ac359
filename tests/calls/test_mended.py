"""Rules that one failure must not bend for another."""

import asyncio

import pytest
from fakes.fleets import Worker, virtually
from fakes.weather import says

from antiphon.core.error import OverLimit, UpstreamQuota, UpstreamRefused
from antiphon.core.secret import Secret
from antiphon.providers.credentials import ProviderKeySettings
from antiphon.providers.failure import failure
from antiphon.wire.codecs import CODECS


@pytest.mark.parametrize(
    ("body", "quota"),
    [
        (
            b'{"error":{"message":"Your credit balance is too low to access the API.","type":"invalid_request_error"}}',
            True,
        ),
        (b'{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}', True),
        (b'{"error":{"message":"Invalid value: \'credit balance\'. Supported values are auto."}}', False),
        (b'{"error":{"message":"Invalid value: \\"insufficient_quota\\"."}}', False),
    ],
)
def test_what_a_caller_wrote_is_no_word_of_a_quota(body: bytes, quota: bool) -> None:
    assert type(failure(400, {}, body, "small", CODECS["openai_chat"])) is (UpstreamQuota if quota else UpstreamRefused)


@virtually
async def test_the_wait_before_one_is_asked_again_is_that_of_its_own_failure() -> None:
    """Not that of another, which asks for more time than anybody waits."""
    worker = Worker(["one", "two"])
    worker.weather.script("one", says(500), says(500), says(500))
    worker.weather.script("two", says(429, retry_after_s=60))

    visit = await worker.ask()

    assert len(visit.path) == 4
    assert visit.path.count("two") == 1
    assert visit.path.count("one") == 3


@virtually
async def test_a_key_that_a_reload_takes_away_is_refused_without_harm_to_the_others() -> None:
    worker = Worker(["one"], keys={"one": 2}, attempts=1)
    worker.weather.script("one", says(401, after_s=1.0))
    asking = asyncio.ensure_future(worker.ask())
    await asyncio.sleep(0.5)
    (running,) = worker.visits[0].attempts
    other = [ProviderKeySettings(key=Secret("sk-quite-another"), name="another")]

    worker.fleet.arrange(worker.calls, worker.targets, {"one": other}, 0.5)
    await asking

    member = worker.member("one")
    assert running.failure == "auth"
    assert (member.gate.in_flight, member.live.in_flight) == (0, 0)
    assert member.pool is not None
    assert [key.health(2.0) for key in member.pool.keys] == ["alive"]


@virtually
async def test_a_request_of_an_older_revision_sends_no_key_that_it_did_not_have() -> None:
    worker = Worker(["one"], keys={"one": 1}, attempts=1)
    before = worker.prepared
    other = [ProviderKeySettings(key=Secret("sk-quite-another"), name="another")]
    worker.fleet.arrange(worker.calls, worker.targets, {"one": other}, 0.0)
    worker.prepared = before

    visit = await worker.ask()

    assert visit.path == []
    assert isinstance(visit.error, OverLimit)
    assert "were changed while this request ran" in visit.error.message
