"""Signed cards: ours verified by a2a-sdk, its verified by us, and what is signed in canonical JSON."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import rfc8785
from a2a.client import A2ACardResolver
from a2a.client.card_resolver import parse_agent_card
from a2a.utils.signing import InvalidSignaturesError, create_signature_verifier
from a2a_peer import Heard, peer
from agent_place import ALICE, SKILL, Place, document, says
from hypothesis import given, settings
from hypothesis import strategies as st
from jwt import PyJWK
from remotes import Far, context, far
from remotes import document as remote

from antiphon.agents.a2a.document import check_remote
from antiphon.agents.a2a.signing import CardSigner, verified
from antiphon.agents.documents.library import Library
from antiphon.core.secret import Secret
from antiphon.wire.a2a.canonical import canonical

VALUES = st.recursive(
    st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, min_size=1) | st.dictionaries(st.text(), inner, min_size=1),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, Heard]]:
    with peer() as found:
        yield found


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Far]:
    async with far(tmp_path / "gateway") as found:
        yield found


def full(value: Any) -> Any:
    """What is not empty of a value, told in another way than ours."""
    if isinstance(value, dict):
        value = {name: one for name, one in ((name, full(one)) for name, one in value.items()) if one is not None}
    elif isinstance(value, list):
        value = [one for one in map(full, value) if one is not None]
    return None if value in ("", [], {}) and not isinstance(value, bool) else value


@settings(max_examples=60)
@given(st.dictionaries(st.text(min_size=1), VALUES).filter(lambda one: "signatures" not in one and full(one)))
def test_the_canonical_form_is_that_of_rfc_8785(card: dict[str, Any]) -> None:
    assert canonical(card) == rfc8785.dumps(full(card))


async def test_what_has_no_canonical_form_is_refused() -> None:
    deep: Any = "x"
    for _ in range(100):
        deep = [deep]
    with pytest.raises(ValueError, match="nested"):
        canonical({"a": deep})
    with pytest.raises(ValueError, match="surrogates"):
        canonical({"a": "\ud800"})


async def published(here: Place) -> list[dict[str, Any]]:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"{here.base}/.well-known/jwks.json")
    assert answer.status_code == 200
    assert not any("d" in one for one in answer.json()["keys"])
    return list(answer.json()["keys"])


@pytest.mark.parametrize("version", ["", "1.0"])
async def test_our_cards_are_verified_by_the_sdk_with_the_keys_that_we_publish(tmp_path: Path, version: str) -> None:
    schema = {"type": "object", "properties": {"usd": {"type": "number", "maximum": 0.5}}}
    async with Place(tmp_path, {"helper": says}, document("helper", skills=[SKILL], input=schema)) as here:
        jwks = await published(here)
        keys = {one["kid"]: PyJWK(one) for one in jwks}
        verifies = create_signature_verifier(lambda kid, _: keys[kid or ""], ["EdDSA"])
        headers = {"authorization": f"Bearer {ALICE}"} | ({"a2a-version": version} if version else {})
        async with httpx.AsyncClient(headers=headers) as http:
            resolver = A2ACardResolver(http, f"{here.base}/a2a/helper")
            card = await resolver.get_agent_card(signature_verifier=verifies)
            raw = (await http.get(f"{here.base}/a2a/helper/.well-known/agent-card.json")).json()
            extended = (await http.get(f"{here.base}/a2a/helper/v1/extendedAgentCard")).json()
    assert card.name == "helper"
    verifies(parse_agent_card(extended))
    card.description = "another"
    with pytest.raises(InvalidSignaturesError):
        verifies(card)
    assert verified(raw, jwks) == {name: value for name, value in raw.items() if name != "signatures"}
    assert verified({**raw, "name": "another"}, jwks) is None


def test_the_key_is_made_once_and_is_nobodys_elses_to_read(tmp_path: Path) -> None:
    file = tmp_path / "cards.key"
    first, second = CardSigner(file), CardSigner(file)
    assert first.jwks() == second.jwks()
    assert file.stat().st_mode & 0o077 == 0


async def test_a_card_that_is_signed_by_a_pinned_key_is_taken(server: tuple[str, Heard], gateway: Far) -> None:
    for fields in ({"card_keys": [server[1].jwk]}, {"card_keys_url": f"{server[0]}/keys.json"}):
        server[1].heads.clear()
        result = await gateway.remotes(f"{server[0]}/signed", token=Secret("t0k"), **fields).ask(
            "echo", "hi", None, context()
        )
        assert result.text == "echo: hi"
        asked = {path: headers for _, path, headers in server[1].heads}
        assert "authorization" not in asked.get("/keys.json", {})


@pytest.mark.parametrize("name", ["forged", "rpc"])
async def test_a_card_that_is_not_is_refused_and_nothing_is_sent(
    server: tuple[str, Heard], gateway: Far, name: str
) -> None:
    server[1].heads.clear()
    asked = gateway.remotes(f"{server[0]}/{name}", card_keys=[server[1].jwk])
    result = await asked.ask("echo", "hi", None, context())
    assert result.failed == "upstream_malformed"
    assert "is signed by none of the keys" in result.text
    assert asked.card("echo") is None
    assert [verb for verb, _, _ in server[1].heads] == ["GET"]
    assert gateway.house.receipt.error == "upstream_malformed"


async def test_a_card_by_another_key_is_refused(server: tuple[str, Heard], gateway: Far) -> None:
    other = {**Heard().jwk, "kid": "one"}
    result = await gateway.remotes(f"{server[0]}/signed", card_keys=[other]).ask("echo", "hi", None, context())
    assert result.failed == "upstream_malformed"


def test_a_signature_picks_no_algorithm_of_its_own(server: tuple[str, Heard]) -> None:
    card = httpx.get(f"{server[0]}/signed/.well-known/agent-card.json").json()
    key = server[1].jwk
    assert verified(card, [key]) is not None
    assert verified(card, [{**key, "alg": "ES384"}]) is None
    assert verified(card, [{"kty": "oct", "k": key["x"], "alg": "HS256"}]) is None
    assert verified(card, [{**key, "d": "AAAA"}]) is None
    assert verified({**card, "signatures": "x"}, [key]) is None
    assert verified({**card, "signatures": [{"protected": "!", "signature": ""}]}, [key]) is None


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"card_keys": [{"kty": "oct", "k": "AAAA"}]}, ("spec", "card_keys", 0)),
        ({"card_keys_url": "http://keys.example/jwks"}, ("spec", "card_keys_url")),
    ],
)
def test_mistakes_of_keys_are_named(fields: dict[str, Any], place: tuple[Any, ...]) -> None:
    found = list(check_remote(remote("https://far.example", **fields), Library([], None, ())))
    assert [one[0] for one in found] == [place]
