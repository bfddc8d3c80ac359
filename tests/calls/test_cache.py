"""A worker's cache of answers: what is a hit, what is kept, and what becomes of it when its store is away."""

import json
import threading
from typing import Any

import pytest
from fakes.caches import NS, SEMANTIC, DictCache, Spent, TakenReply, ToldEmbedder, Worker, answer, asks, prepared
from fakes.clock import StoppedClock

from antiphon.calls.cache_found import Hit, Miss
from antiphon.calls.settings_cache import CacheSettings, CachesSettings, SemanticSettings
from antiphon.core.cache import CacheStore
from antiphon.core.error import BadRequest, NotCached, UpstreamTimeout
from antiphon.core.ports import Served
from antiphon.core.receipt import Loss
from antiphon.core.request import Request
from antiphon.core.response import FinishReason

ON = CacheSettings(enabled=True)
MADE = prepared(ON)
NEAR = CacheSettings(enabled=True, semantic=SEMANTIC)


def chat(text: str = "hi", **fields: Any) -> Request:
    return asks(json.dumps({"model": "r", "messages": [{"role": "user", "content": text}], **fields}).encode())


def completion(text: str = "hello", finish: str = "stop", **fields: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
    return json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], **fields}).encode()


def event(text: str | None = None, finish: str | None = None) -> bytes:
    delta = {} if text is None else {"content": text}
    said = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}
    return b"data: %b\n\n" % json.dumps(said).encode()


DONE = b"data: [DONE]\n\n"
STREAM = (event("hel"), event("lo"), event(finish="stop"), DONE)


def pieces(looked: Hit | Miss) -> tuple[bytes, ...]:
    assert isinstance(looked, Hit), looked
    return looked.answer.pieces


async def hits(worker: Worker, asked: Request, made: Any = MADE, **more: Any) -> bool:
    return isinstance(await worker.look(asked, made, **more), Hit)


# --- the same request


async def test_the_second_of_two_equal_requests_is_answered_by_the_first_ones_answer() -> None:
    worker = Worker()
    first = await worker.ask(chat(), MADE, completion())
    worker.clock.at_ns += 90 * NS + 5

    second = await worker.look(chat(), MADE)

    assert first.lines == b"x-antiphon-cache: miss\r\n"
    assert pieces(second) == (completion(),)
    assert second.lines == b"x-antiphon-cache: hit; receipt=paid-1\r\nage: 90\r\n"
    assert isinstance(second, Hit)
    assert (second.answer.cost_nano_usd, second.answer.model) == (1500, "gpt-test-2026")
    seat = second.seat
    served = await seat.head()
    assert (seat.led_by, served.headers) == ("paid-1", {b"x-antiphon-lab": b"simulated"})
    assert served.content_type == b"application/json"
    assert [await seat.read(), await seat.read()] == [completion(), None]
    assert worker.counted == ["miss", "hit"]


async def test_a_stream_is_given_again_as_the_pieces_that_went_out() -> None:
    worker = Worker(DictCache())
    await worker.ask(chat(stream=True), MADE, *STREAM)

    assert pieces(await worker.look(chat(stream=True), MADE)) == STREAM
    assert not await hits(worker, chat(stream=False))


@pytest.mark.parametrize(
    "other",
    [
        {"tenant": "globex"},
        {"data_class": "restricted"},
        {"prompt": "brief@1"},
        {"made": prepared(ON, "ab")},
        {"made": prepared(ON, route="other")},
        {"made": prepared(ON, model="gpt-5")},
        {"made": prepared(ON, provider="elsewhere")},
    ],
)
async def test_nothing_is_given_across(other: dict[str, Any]) -> None:
    """Across tenants, classes of data, prompts, or deployments that may answer."""
    worker = Worker(DictCache())
    await worker.ask(chat(), MADE, completion())

    assert await hits(worker, chat())
    assert not await hits(worker, chat(), **{"made": MADE, **other})


async def test_an_answer_lives_as_long_as_its_route_says() -> None:
    worker = Worker(DictCache())
    await worker.ask(chat(), prepared(CacheSettings(enabled=True, ttl_s=60)), completion())

    worker.clock.at_ns += 60 * NS - 1
    assert await hits(worker, chat())
    worker.clock.at_ns += 1
    assert not await hits(worker, chat())


async def test_two_workers_share_what_is_in_the_store() -> None:
    store = DictCache()
    one, other = Worker(store), Worker(store)
    await one.ask(chat(), MADE, completion())

    assert pieces(await other.look(chat(), MADE)) == (completion(),)
    asked = store.asked
    assert await hits(other, chat())
    assert store.asked == asked, "the second time it is in memory"


async def test_what_is_at_rest_is_sealed_for_its_tenant() -> None:
    store = DictCache()
    await Worker(store).ask(chat("a secret"), MADE, completion("another"))

    (entry,) = store.entries.values()
    assert entry.sealed.startswith(f"acme/cache/{entry.key.hex()}|".encode())
    assert entry.tenant == "acme"
    assert b"a secret" not in entry.key + entry.group


async def test_an_entry_that_can_not_be_opened_is_none() -> None:
    store = DictCache()
    await Worker(store).ask(chat(), MADE, completion())
    (entry,) = store.entries.values()
    store.entries[entry.key] = type(entry)(
        key=entry.key, tenant="acme", at_ns=entry.at_ns, until_ns=entry.until_ns, sealed=b"\xc1"
    )

    assert not await hits(Worker(store), chat())


async def test_who_asks_while_an_answer_is_being_kept_waits_for_it() -> None:
    worker = Worker()
    looked = await worker.look(chat(), MADE)
    answer(looked.recording(TakenReply(), Spent()), [completion()], stream=False, receipt="paid-1")

    assert await hits(worker, chat())


async def test_losses_are_told_again() -> None:
    worker = Worker()
    looked = await worker.look(chat(), MADE)
    loss = Loss(field="x", why="no such field", effect="left out")
    served = Served("paid-1", "a", {b"content-type": b"application/json"}, b"", b"", (loss,))
    looked.recording(TakenReply(), Spent()).whole(served, completion())
    await worker.kept()

    hit = await worker.look(chat(), MADE)
    assert isinstance(hit, Hit)
    assert (await hit.seat.head()).losses == (loss,)


# --- which answers are kept


@pytest.mark.parametrize("finish", ["stop", "length", "tool_calls"])
async def test_an_answer_that_came_to_its_end_is_kept(finish: FinishReason) -> None:
    worker = Worker()
    await worker.ask(chat(), MADE, completion(finish=finish))
    assert await hits(worker, chat())


@pytest.mark.parametrize(
    ("asked", "out"),
    [
        (chat(), [completion(finish="content_filter")]),
        (chat(), [completion(finish="odd")]),
        (chat(n=2), [completion()]),
        (chat(), [b'{"error":{"message":"no"}}']),
        (chat(), [b"not json"]),
        (chat(stream=True), [event("hel"), event(finish="content_filter"), DONE]),
        (chat(stream=True), [event("hel"), event("lo"), DONE]),
        (chat(stream=True), [event("hel"), b'data: {"error":{"message":"broke"}}\n\n']),
    ],
)
async def test_one_that_did_not_is_not(asked: Request, out: list[bytes]) -> None:
    worker = Worker(DictCache())
    await worker.ask(asked, MADE, *out)
    assert not await hits(worker, asked)


async def test_one_that_ends_with_an_error_is_not_kept() -> None:
    worker = Worker()
    looked = await worker.look(chat(stream=True), MADE)
    reply = looked.recording(TakenReply(), Spent())
    reply.write(STREAM[0])
    reply.error(UpstreamTimeout("too slow"), "paid-1")
    reply.end(b"".join(STREAM[1:]))
    await worker.kept()

    assert not await hits(worker, chat(stream=True))


async def test_one_longer_than_the_route_allows_is_not_kept() -> None:
    worker = Worker()
    made = prepared(CacheSettings(enabled=True, max_entry_bytes=1024))
    await worker.ask(chat(), made, completion("x" * 1024))
    await worker.ask(chat("other"), made, completion("x" * 100))

    assert (await hits(worker, chat()), await hits(worker, chat("other"))) == (False, True)


async def test_each_dialect_is_judged_by_its_own_words() -> None:
    worker = Worker()
    claude = asks(
        b'{"model":"r","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
        "anthropic_messages",
        "/v1/messages",
    )
    said = {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }
    text = [{"type": "text", "text": "hello"}]
    refused = json.dumps({**said, "content": text, "stop_reason": "refusal"}).encode()
    await worker.ask(claude, MADE, refused)
    assert not await hits(worker, claude)
    ended = json.dumps({**said, "content": text, "stop_reason": "end_turn"}).encode()
    await worker.ask(claude, MADE, ended)
    assert await hits(worker, claude)


async def test_embeddings_are_kept() -> None:
    worker = Worker()
    asked = asks(b'{"model":"r","input":"hi"}', "openai_embeddings", "/v1/embeddings")
    await worker.ask(asked, MADE, b'{"object":"list","data":[],"model":"m"}')
    assert await hits(worker, asked)


# --- chance


async def test_what_asks_for_chance_is_kept_where_the_route_says_so_alone() -> None:
    worker = Worker()
    hot = chat(temperature=0.7)
    looked = await worker.ask(hot, MADE, completion())
    assert looked.lines == b"x-antiphon-cache: bypass; why=sampling\r\n"
    assert worker.counted == ["bypass"]

    made = prepared(CacheSettings(enabled=True, any_temperature=True))
    await worker.ask(hot, made, completion())
    assert await hits(worker, hot, made)


# --- what callers say


async def said(worker: Worker, text: bytes, **more: Any) -> Hit | Miss:
    return await worker.ask(chat(), MADE, completion("new"), headers={b"cache-control": text}, receipt="new", **more)


async def test_no_cache_asks_anew_and_keeps_the_answer() -> None:
    worker = Worker(DictCache())
    await worker.ask(chat(), MADE, completion("old"))

    assert (await said(worker, b"no-cache")).lines == b"x-antiphon-cache: miss; why=no-cache\r\n"
    assert pieces(await worker.look(chat(), MADE)) == (completion("new"),)


async def test_no_store_neither_reads_nor_keeps() -> None:
    worker = Worker(DictCache())
    await worker.ask(chat(), MADE, completion("old"))

    assert (await said(worker, b"no-store")).lines == b"x-antiphon-cache: bypass; why=no-store\r\n"
    assert pieces(await worker.look(chat(), MADE)) == (completion("old"),)


async def test_max_age_takes_no_older_one() -> None:
    worker = Worker(DictCache())
    await worker.ask(chat(), MADE, completion("old"))
    worker.clock.at_ns += 10 * NS

    assert pieces(await said(worker, b"max-age=10")) == (completion("old"),)
    assert isinstance(await said(worker, b"max-age=9"), Miss)
    assert pieces(await worker.look(chat(), MADE)) == (completion("new"),)


async def test_only_if_cached_sends_nothing() -> None:
    worker = Worker()
    with pytest.raises(NotCached, match=r"only-if-cached") as caught:
        await said(worker, b"only-if-cached")
    assert (caught.value.said_status, caught.value.said_code) == (504, "not_cached")

    await worker.ask(chat(), MADE, completion())
    assert pieces(await said(worker, b"only-if-cached")) == (completion(),)


async def test_only_if_cached_of_what_is_never_kept_says_why() -> None:
    worker = Worker()
    with pytest.raises(NotCached, match="why=sampling"):
        await worker.look(chat(temperature=1), MADE, headers={b"cache-control": b"only-if-cached"})


async def test_a_header_that_says_nonsense_is_refused() -> None:
    with pytest.raises(BadRequest):
        await said(Worker(), b"max-age=soon")


# --- the store


async def test_a_store_that_fails_is_a_miss_and_left_alone_for_a_while() -> None:
    store = DictCache()
    worker = Worker(store)
    store.fails = True
    assert not await hits(worker, chat())
    await worker.ask(chat(), MADE, completion())
    assert store.asked == 1
    assert await hits(worker, chat()), "memory has it"

    store.fails = False
    worker.clock.at_ns += NS
    await worker.ask(chat("other"), MADE, completion())
    assert len(store.entries) == 1


async def test_a_store_that_hangs_is_a_miss() -> None:
    store, held = DictCache(), threading.Event()
    worker = Worker(store)
    worker.cache._shelf.timeout_s = 0.01  # type: ignore[union-attr]
    store.waits = held.wait
    assert not await hits(worker, chat())
    assert not await hits(worker, chat("other"))
    assert store.asked == 1
    held.set()


async def test_without_memory_the_store_alone_answers() -> None:
    store = DictCache()
    worker = Worker(store, memory_bytes=0)
    await worker.ask(chat(), MADE, completion())

    asked = store.asked
    assert await hits(worker, chat())
    assert store.asked == asked + 1


async def test_another_store_closes_the_one_before() -> None:
    store = DictCache()
    worker = Worker(store)
    worker.cache.arrange(CachesSettings(), None)

    assert store.closed


# --- what means the same

VECTORS = {
    "How do I pay?": (1.0, 0.0),
    "How can I pay?": (0.96, 0.28),
    "How do I leave?": (0.6, 0.8),
    "Refund order 41": (1.0, 0.0),
    "Refund order 42": (1.0, 0.0),
}


def semantic(store: CacheStore | None = None, clock: StoppedClock | None = None) -> tuple[Worker, ToldEmbedder]:
    embedder = ToldEmbedder(VECTORS)
    return Worker(store, clock, embedder), embedder


LIKE = prepared(NEAR)


async def test_a_request_that_means_the_same_is_answered_alike() -> None:
    worker, _ = semantic()
    await worker.ask(chat("How do I pay?"), LIKE, completion("by card"))

    hit = await worker.look(chat("How can I pay?"), LIKE)

    assert pieces(hit) == (completion("by card"),)
    assert hit.lines == b"x-antiphon-cache: hit; receipt=paid-1; near=0.960\r\nage: 0\r\n"
    assert worker.counted == ["miss", "near"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (chat("How do I pay?"), chat("How do I leave?")),
        (chat("Refund order 41"), chat("Refund order 42")),
        (chat("How do I pay?"), chat("How can I pay?", max_tokens=5)),
        (chat("How do I pay?"), chat("How can I pay?", stream=True)),
        (chat("How do I pay?"), chat("How can I pay?", tools=[{"type": "function", "function": {"name": "f"}}])),
    ],
)
async def test_one_that_does_not_is_not(first: Request, second: Request) -> None:
    worker, _ = semantic()
    await worker.ask(first, LIKE, completion())
    assert not await hits(worker, second, LIKE)


@pytest.mark.parametrize("other", [{"tenant": "globex"}, {"data_class": "restricted"}, {"prompt": "p@1"}])
async def test_nor_is_anything_given_across(other: dict[str, Any]) -> None:
    worker, _ = semantic(DictCache())
    await worker.ask(chat("How do I pay?"), LIKE, completion())
    assert not await hits(worker, chat("How can I pay?"), LIKE, **other)


async def test_what_only_private_models_may_see_is_shown_to_no_public_embedder() -> None:
    worker, embedder = semantic(DictCache())
    await worker.ask(chat("How do I pay?"), LIKE, completion(), private=True)
    assert embedder.asked == []
    worker, embedder = semantic(DictCache())
    embedder.private = True
    await worker.ask(chat("How do I pay?"), LIKE, completion(), private=True)
    assert await hits(worker, chat("How can I pay?"), LIKE, private=True)
    assert "How can I pay?" in embedder.asked


async def test_another_worker_finds_it_by_the_store() -> None:
    store, clock = DictCache(), StoppedClock(1_700_000_000 * NS)
    one, other = semantic(store, clock)[0], semantic(store, clock)[0]
    await one.ask(chat("How do I pay?"), LIKE, completion("by card"))

    assert pieces(await other.look(chat("How can I pay?"), LIKE)) == (completion("by card"),)


async def test_what_others_kept_since_is_found_a_little_later() -> None:
    store, clock = DictCache(), StoppedClock(1_700_000_000 * NS)
    one, other = semantic(store, clock)[0], semantic(store, clock)[0]
    assert not await hits(other, chat("How can I pay?"), LIKE)
    await one.ask(chat("How do I pay?"), LIKE, completion())
    assert not await hits(other, chat("How can I pay?"), LIKE)

    clock.at_ns += 3 * NS

    assert await hits(other, chat("How can I pay?"), LIKE)


async def test_the_same_words_are_found_without_a_vector() -> None:
    worker, embedder = semantic()
    await worker.ask(chat("How do I pay?"), LIKE, completion())
    assert embedder.asked == ["How do I pay?"]

    assert await hits(worker, chat("How do I pay?"), LIKE)
    assert embedder.asked == ["How do I pay?"]


async def test_an_embedder_that_fails_is_a_miss_and_the_answer_is_kept_for_its_own_words() -> None:
    worker, embedder = semantic()
    embedder.failure = UpstreamTimeout("too slow")
    await worker.ask(chat("How do I pay?"), LIKE, completion())

    assert await hits(worker, chat("How do I pay?"), LIKE)
    embedder.failure = None
    assert not await hits(worker, chat("How can I pay?"), LIKE)


async def test_an_answer_that_is_gone_is_no_hit_and_forgotten() -> None:
    worker, _ = semantic()
    await worker.ask(chat("How do I pay?"), LIKE, completion())
    for key in list(worker.cache._memory._values):
        worker.cache._memory.drop(key)

    assert not await hits(worker, chat("How can I pay?"), LIKE)
    assert len(worker.cache._near._index) == 0


async def test_long_texts_and_long_conversations_are_not_compared() -> None:
    worker, embedder = semantic()
    talk = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}, {"role": "user", "content": "c"}]
    await worker.ask(chat("x" * 251), LIKE, completion())
    await worker.ask(chat("각" * 84), LIKE, completion())
    await worker.ask(chat(messages=talk), LIKE, completion())
    assert embedder.asked == []

    worker, embedder = semantic()
    embedder.vectors["c"] = (1.0, 0.0)
    made = prepared(CacheSettings(enabled=True, semantic=SemanticSettings(embedder="small", max_turns=2)))
    await worker.ask(chat(messages=talk), made, completion())
    assert embedder.asked == ["c"]


# --- what its story is told


async def test_a_hit_is_told_as_one_that_cost_nothing() -> None:
    worker = Worker()
    await worker.ask(chat(), MADE, completion())
    story = Spent()
    story.cost_nano_usd, story.served_model = None, ""

    found = await worker.cache.look(story, chat(), MADE)

    assert (story.cached, story.cost_nano_usd, story.saved_nano_usd) == ("paid-1", 0, 1500)
    assert (story.lines, story.served_model) == (found.lines, "gpt-test-2026")


async def test_a_miss_changes_nothing_but_the_lines() -> None:
    story = Spent()

    found = await Worker().cache.look(story, chat(), MADE)

    assert (story.lines, story.cached, story.saved_nano_usd) == (found.lines, "", None)
    assert found.seat is None
