"""Webhooks are believed when they are signed with the shared secret and new, by each scheme's own rules."""

import hmac
import json
from base64 import b64encode
from hashlib import sha256

import openai
import pytest

from antiphon.agents.triggers.settings import Scheme
from antiphon.agents.triggers.signed import Signed, event_of
from antiphon.core.error import NotAuthenticated
from antiphon.net.post import signature

NOW = 1_614_265_330
BODY = b'{"test": 2432232314}'
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
# Source: docs.svix.com/receiving/verifying-payloads/how-manual, the example (Standard Webhooks' reference).
STANDARD = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": str(NOW),
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def signed(headers: dict[str, str], body: bytes = BODY, secret: str = SECRET, now_s: float = NOW) -> Signed:
    told = {name.encode(): value.encode("latin-1") for name, value in headers.items()}
    return Signed(headers=told, body=body, secret=secret, now_s=now_s, tolerance_s=300)


def hexed(secret: str, text: bytes) -> str:
    return hmac.new(secret.encode(), text, sha256).hexdigest()


def test_the_example_of_standard_webhooks_is_believed_and_names_its_event() -> None:
    assert event_of("standard", signed(STANDARD)) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_what_openais_sdk_believes_is_believed_here() -> None:
    openai.OpenAI(api_key="x").webhooks.verify_signature(BODY.decode(), STANDARD, secret=SECRET, tolerance=10**10)
    other = {**STANDARD, "webhook-id": "evt_1"}
    with pytest.raises(openai.InvalidWebhookSignatureError):
        openai.OpenAI(api_key="x").webhooks.verify_signature(BODY.decode(), other, secret=SECRET, tolerance=10**10)
    with pytest.raises(NotAuthenticated):
        event_of("standard", signed(other))


def test_a_secret_may_be_plain_and_signatures_several_while_it_is_changed() -> None:
    text = b"evt.%d.%b" % (NOW, BODY)
    made = b64encode(hmac.digest(b"a plain old secret", text, "sha256")).decode()
    headers = {"webhook-id": "evt", "webhook-timestamp": str(NOW), "webhook-signature": f"v1,AAAA v2,x v1,{made}"}
    assert event_of("standard", signed(headers, secret="a plain old secret")) == "evt"


def test_the_example_of_github_is_believed_and_the_body_names_the_event() -> None:
    # Source: docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries, "Testing".
    said = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    given = {"x-hub-signature-256": said, "x-github-delivery": "one"}
    one = signed(given, b"Hello, World!", "It's a Secret to Everybody")
    assert event_of("github", one) == sha256(b"Hello, World!").hexdigest()
    again = signed({**given, "x-github-delivery": "two"}, b"Hello, World!", "It's a Secret to Everybody")
    assert event_of("github", again) == event_of("github", one), "the name of a delivery isn't signed"


def test_our_own_messages_are_believed() -> None:
    given = {"x-antiphon-signature": signature(BODY, "our secret", NOW)}
    assert event_of("antiphon", signed(given, secret="our secret")) == sha256(BODY).hexdigest()


def test_an_event_of_stripe_is_named_by_its_id_however_often_it_is_signed_anew() -> None:
    body = json.dumps({"id": "evt_7", "type": "x"}).encode()
    for at in (NOW - 200, NOW):
        said = f"t={at},v0=old,v1={hexed('s', b'%d.%b' % (at, body))}"
        assert event_of("stripe", signed({"stripe-signature": said}, body, "s")) == "evt_7"


@pytest.mark.parametrize("at_s", [NOW - 301, NOW + 301])
@pytest.mark.parametrize("scheme", ["standard", "antiphon", "stripe"])
def test_what_is_too_old_or_of_the_future_is_refused_although_it_is_signed(scheme: Scheme, at_s: int) -> None:
    timed = f"t={NOW},v1={hexed(SECRET, b'%d.%b' % (NOW, BODY))}"
    headers = {**STANDARD, "x-antiphon-signature": timed, "stripe-signature": timed}
    assert event_of(scheme, signed(headers))
    with pytest.raises(NotAuthenticated, match="within 300 s"):
        event_of(scheme, signed(headers, now_s=at_s))


@pytest.mark.parametrize("scheme", ["standard", "antiphon", "stripe", "github"])
def test_another_body_secret_or_signature_is_refused(scheme: Scheme) -> None:
    timed = f"t={NOW},v1={hexed(SECRET, b'%d.%b' % (NOW, BODY))}"
    headers = {
        **STANDARD,
        "x-antiphon-signature": timed,
        "stripe-signature": timed,
        "x-hub-signature-256": f"sha256={hexed(SECRET, BODY)}",
    }
    assert event_of(scheme, signed(headers))
    for wrong in (
        signed(headers, BODY + b" "),
        signed(headers, secret="whsec_AAAA"),
        signed({}),
        signed(dict.fromkeys(headers, "")),
        signed(dict.fromkeys(headers, f"t={NOW},v1=é")),
    ):
        with pytest.raises(NotAuthenticated):
            event_of(scheme, wrong)


def test_a_time_of_absurd_length_is_refused() -> None:
    with pytest.raises(NotAuthenticated, match="within 300 s"):
        event_of("standard", signed({**STANDARD, "webhook-timestamp": "1" * 5000}))
