"""Tokens of identity providers, by a provider that really answers on this machine."""

import base64
import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from fakes.clock import StoppedClock
from issuers import (
    AUDIENCE,
    EC_KEY,
    ED_KEY,
    NOW_S,
    OTHER_RSA_KEY,
    RSA_KEY,
    WEAK_RSA_KEY,
    Provider,
    jwk,
    provider,
)

from antiphon.app.doors import doors_of
from antiphon.control.callers import Callers
from antiphon.control.jwt_tokens import Tokens
from antiphon.control.keys import AccountSpec, made_account, revoked
from antiphon.control.owned import Owned
from antiphon.control.settings import AccountForm, KeySettings
from antiphon.control.settings_identity import (
    BindingForm,
    ClaimSettings,
    IdentitySettings,
    IssuerSettings,
    ThrottleSettings,
)
from antiphon.core.error import AntiphonError, NotAuthenticated, OverLimit, Unavailable
from antiphon.core.peer import Peer
from antiphon.core.secret import Secret
from antiphon.net.client import Client
from rig.certs import Authority

NS = 1_000_000_000
HERE = Peer("192.0.2.7")
PLENTY = ThrottleSettings(failures=1_000_000)


@pytest.fixture(scope="module")
def shared() -> Iterator[Provider]:
    with provider() as one:
        yield one


@pytest.fixture
def idp(shared: Provider) -> Provider:
    """As it was at first, but for its address."""
    shared.__init__(int(shared.url.rpartition(":")[2]))  # type: ignore[misc]
    return shared


@pytest.fixture
def clock() -> StoppedClock:
    return StoppedClock(NOW_S * NS)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    one = Client()
    yield one
    one.close()


Make = Callable[..., Callers]


@pytest.fixture
def make(idp: Provider, clock: StoppedClock, client: Client) -> Make:
    def make(*, bindings: tuple[BindingForm, ...] = (), keys: tuple[KeySettings, ...] = (), **fields: Any) -> Callers:
        issuer = IssuerSettings(**{"name": "corp", "issuer": idp.url, "audiences": [AUDIENCE], **fields})
        identity = IdentitySettings(issuers=[issuer], bindings=list(bindings), throttle=PLENTY)
        return Callers(keys, Owned(), doors_of(client, clock), identity)

    return make


async def refused(callers: Callers, token: bytes) -> AntiphonError:
    assert callers.principal(token) is None
    with pytest.raises(NotAuthenticated) as raised:
        await callers.learn(token, HERE)
    assert callers.principal(token) is None
    for word in token.split(b"."):
        assert len(word) < 4 or word.decode("latin-1") not in raised.value.message
    return raised.value


def part(value: Any) -> bytes:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=")


def signed(header: bytes, claims: bytes) -> bytes:
    """Any header and claims, with a signature that is right for them."""
    begun = part(header) + b"." + part(claims)
    return begun + b"." + part(jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(begun, RSA_KEY))


# --- who a token stands for


@pytest.mark.parametrize(
    ("key", "kid", "algorithm"), [(RSA_KEY, "rsa", "RS256"), (EC_KEY, "ec", "ES256"), (ED_KEY, "ed", "EdDSA")]
)
async def test_a_token_is_learned_once_and_then_known_without_a_question(
    make: Make, idp: Provider, key: Any, kid: str, algorithm: str
) -> None:
    callers, token = make(), idp.sign(key, kid, algorithm)

    assert callers.principal(token) is None
    learned = await callers.learn(token, HERE)
    asked = list(idp.asked)

    assert (learned.key, learned.user, learned.tenant) == ("token/corp/alice", "alice", "default")
    assert callers.principal(token) is learned
    assert await callers.learn(token, HERE) is learned
    assert await callers.learn(idp.sign(key, kid, algorithm, jti="2"), HERE) is learned
    assert idp.asked == asked == ["/.well-known/openid-configuration", "/keys"]
    assert not learned.admin


async def test_claims_say_where_a_user_belongs_and_groups_give_roles(make: Make, idp: Provider) -> None:
    claims = ClaimSettings(
        user="email", team="org.team", department="https://corp.example/department", employment="kind",
        tenant="org.tenant", groups="realm.roles",
    )  # fmt: skip
    callers = make(
        claims=claims, tenants=["acme", "globex"], roles={"llm-admins": "admin", "llm-leads": "team_lead"},
        models=["fast*"], clearance="internal", data_class="internal",
    )  # fmt: skip
    told: dict[str, Any] = {
        "email": "zoë@corp.example",
        "org": {"team": "search", "tenant": "acme"},
        "https://corp.example/department": "rnd",
        "kind": "contractor",
        "realm": {"roles": ["llm-leads", "owner", 7, "llm-leads", "admin"]},
    }

    who = await callers.learn(idp.sign(**told), HERE)

    assert (who.user, who.team, who.tenant, who.department) == ("zoë@corp.example", "search", "acme", "rnd")
    assert (who.employment, who.roles, who.models) == ("contractor", ("team_lead",), ("fast*",))
    assert (who.clearance, who.data_class) == ("internal", "internal")
    for tenant in ("initech", "", "ACME", None, 5, ["acme"]):
        await refused(callers, idp.sign(**{**told, "org": {"team": "search", "tenant": tenant}}))


async def test_scopes_in_one_text_are_groups_too(make: Make, idp: Provider) -> None:
    callers = make(claims=ClaimSettings(groups="scope"), roles={"llm:audit": "auditor"})
    assert (await callers.learn(idp.sign(scope="openid llm:audit"), HERE)).roles == ("auditor",)


async def test_a_binding_gives_a_group_or_a_user_roles_where_it_says(make: Make, idp: Provider) -> None:
    callers = make(
        bindings=(
            BindingForm(name="a", subject="group/corp/sec", role="auditor"),
            BindingForm(name="b", subject="token/corp/alice", role="approver", tenant="acme"),
            BindingForm(name="c", subject="group/corp/ops", role="owner", tenant="*"),
            BindingForm(name="d", subject="token/corp/bob", role="owner", tenant="*"),
        )
    )

    who = await callers.who(idp.sign(groups=["sec", "more"]), HERE)

    assert who.by == "token/corp/alice"
    assert [(one.role, one.scope.tenant, one.scope.team) for one in who.grants] == [
        ("auditor", "default", None),
        ("approver", "acme", None),
    ]
    assert who.principal is not None
    assert (who.principal.roles, who.principal.admin) == (("auditor",), False)
    assert (await callers.learn(idp.sign(sub="carol", groups=["ops"]), HERE)).admin
    assert (await callers.learn(idp.sign(sub="carol", groups=["ops "]), HERE)).admin is False


@pytest.mark.parametrize(
    "user",
    ["", None, 7, True, ["alice"], {"a": 1}, "two\nlines", "a\0b", "\u202ealice", "x" * 257, "\x1b[31m"],
    ids=repr,
)
async def test_a_user_that_records_could_not_hold_is_refused(make: Make, idp: Provider, user: Any) -> None:
    callers = make(claims=ClaimSettings(user="who"))
    error = await refused(callers, idp.sign(who=user))
    assert error.said_code == "invalid_token"


# --- confusion


async def test_a_token_without_a_signature_is_refused(make: Make, idp: Provider) -> None:
    callers = make()
    claims = part(idp.claims())
    for name in ("none", "None", "NONE", "nOnE", ""):
        header = part({"alg": name, "typ": "JWT", "kid": "rsa"})
        for signature in (b"", b"AA", part(b"x" * 256)):
            await refused(callers, header + b"." + claims + b"." + signature)
    token = idp.sign()
    await refused(callers, token.rpartition(b".")[0] + b".")
    await refused(callers, token[:-4] + (b"AAAA" if token[-4:] != b"AAAA" else b"BBBB"))


async def test_the_public_key_is_no_shared_secret(make: Make, idp: Provider) -> None:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    callers = make()
    public = RSA_KEY.public_key()
    secrets = (
        public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        json.dumps(jwk(RSA_KEY, "rsa")).encode(),
        b"",
    )
    for secret in secrets:
        for name, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512)):
            begun = part({"alg": name, "kid": "rsa", "typ": "JWT"}) + b"." + part(idp.claims())
            await refused(callers, begun + b"." + part(hmac.new(secret, begun, digest).digest()))


async def test_a_shared_secret_among_the_keys_verifies_nothing(make: Make, idp: Provider) -> None:
    idp.keys.append({"kty": "oct", "kid": "shared", "k": part(b"k" * 32).decode(), "alg": "HS256"})
    callers = make()
    await refused(callers, idp.sign(b"k" * 32, "shared", "HS256"))


async def test_an_algorithm_has_to_be_listed_and_to_be_the_key_s(make: Make, idp: Provider) -> None:
    callers = make(algorithms=["RS256"])
    await refused(callers, idp.sign(RSA_KEY, "rsa", "RS512"))
    await refused(callers, idp.sign(EC_KEY, "ec", "ES256"))
    await refused(callers, idp.sign(EC_KEY, "rsa", "ES256"))
    idp.keys = [jwk(RSA_KEY, "rsa", alg="PS256")]
    await refused(make(algorithms=["RS256", "PS256"]), idp.sign(RSA_KEY, "rsa", "RS256"))
    assert await make(algorithms=["RS256", "PS256"]).learn(idp.sign(RSA_KEY, "rsa", "PS256"), HERE)


@pytest.mark.parametrize(
    "kid",
    [
        "../../../dev/null", "/etc/passwd", "rsa' OR '1'='1", "rsa; DROP TABLE keys", "rsa\0", "RSA", "rsa ", "|id", "",
        "http://127.0.0.1/keys", "x" * 300, 7, None, ["rsa"], {"kid": "rsa"},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_key_s_name_is_compared_and_nothing_else(make: Make, idp: Provider, kid: Any) -> None:
    token = signed(json.dumps({"alg": "RS256", "kid": kid}).encode(), json.dumps(idp.claims()).encode())
    callers = make()
    if kid == "":
        assert await callers.learn(token, HERE)  # it names none, and one key alone fits
    else:
        await refused(callers, token)


async def test_a_token_without_a_key_s_name_needs_a_key_alone_that_fits(make: Make, idp: Provider) -> None:
    assert await make().learn(idp.sign(RSA_KEY, None), HERE)
    idp.keys.append(jwk(OTHER_RSA_KEY, "other"))
    await refused(make(), idp.sign(RSA_KEY, None))


async def test_keys_that_a_token_brings_along_are_not_looked_at(make: Make, idp: Provider) -> None:
    callers = make()
    with provider() as thief:
        thief.keys = [jwk(OTHER_RSA_KEY, "rsa")]
        for brought in (
            {"jwk": jwk(OTHER_RSA_KEY, "rsa")},
            {"jku": f"{thief.url}/keys"},
            {"x5u": f"{thief.url}/keys"},
            {"x5c": ["MIIB"]},
            {"jwk": jwk(OTHER_RSA_KEY, "own"), "kid": "own"},
        ):
            await refused(callers, idp.sign(OTHER_RSA_KEY, "rsa", headers=brought))
        assert thief.asked == []
        assert await callers.learn(idp.sign(headers={"jku": f"{thief.url}/keys"}), HERE)
        assert thief.asked == []


async def test_another_issuer_s_key_verifies_nothing_of_this_one(
    idp: Provider, clock: StoppedClock, client: Client
) -> None:
    with provider() as other:
        other.keys = [jwk(OTHER_RSA_KEY, "rsa")]
        issuers = [
            IssuerSettings(name=name, issuer=one.url, audiences=[AUDIENCE]) for name, one in (("a", idp), ("b", other))
        ]
        callers = Callers((), Owned(), doors_of(client, clock), IdentitySettings(issuers=issuers, throttle=PLENTY))
        assert (await callers.learn(other.sign(OTHER_RSA_KEY), HERE)).key == "token/b/alice"
        await refused(callers, idp.sign(OTHER_RSA_KEY))
        await refused(callers, other.sign(RSA_KEY))
        await refused(callers, other.sign(OTHER_RSA_KEY, iss="https://nobody.example"))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "other"}, {"aud": None}, {"aud": []}, {"aud": ["other"]}, {"aud": "antiphon "}, {"aud": {"antiphon": 1}},
        {"iss": None}, {"iss": "https://nobody.example"}, {"iss": 5}, {"exp": None}, {"exp": "soon"}, {"exp": True},
        {"exp": -1}, {"exp": 1e300}, {"exp": NOW_S - 60}, {"nbf": NOW_S + 61}, {"iat": NOW_S + 61}, {"nbf": "x"},
        {"exp": [NOW_S + 600]},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_token_for_elsewhere_or_another_time_is_refused(make: Make, idp: Provider, claims: Any) -> None:
    callers = make()
    body = json.dumps(idp.claims(**claims)).encode()
    await refused(callers, signed(b'{"alg":"RS256","kid":"rsa"}', body))


async def test_one_slash_more_makes_another_issuer(make: Make, idp: Provider) -> None:
    await refused(make(), idp.sign(iss=idp.url + "/"))


@pytest.mark.parametrize(
    "claims", [{"exp": NOW_S - 59}, {"nbf": NOW_S + 60}, {"iat": NOW_S + 60}, {"aud": ["x", AUDIENCE]}]
)
async def test_clocks_may_be_apart_by_the_skew(make: Make, idp: Provider, claims: Any) -> None:
    assert await make().learn(idp.sign(**claims), HERE)
    if "aud" not in claims:
        await refused(make(skew_s=0), idp.sign(**claims))


async def test_a_token_ends_when_it_says_so(make: Make, idp: Provider, clock: StoppedClock) -> None:
    callers, token = make(), idp.sign(exp=NOW_S + 10)
    await callers.learn(token, HERE)
    clock.at_ns += 69 * NS
    assert callers.principal(token) is not None
    clock.at_ns += NS
    await refused(callers, token)


async def test_an_old_token_ends_whatever_it_says(make: Make, idp: Provider, clock: StoppedClock) -> None:
    callers, token = make(max_age_s=100, skew_s=0), idp.sign(exp=NOW_S + 10_000)
    await callers.learn(token, HERE)
    clock.at_ns += 100 * NS
    await refused(callers, token)
    await refused(callers, idp.sign(iat=None, exp=NOW_S + 10_000))


@pytest.mark.parametrize(
    ("typ", "taken"),
    [
        ("JWT", True), ("jwt", True), ("at+jwt", True), ("application/at+jwt", True), (None, True),
        ("logout+jwt", False), ("dpop+jwt", False), ("secevent+jwt", False), ("JOSE", False), (7, False),
    ],
)  # fmt: skip
async def test_a_token_of_another_kind_is_refused(make: Make, idp: Provider, typ: Any, taken: bool) -> None:
    header = {"alg": "RS256", "kid": "rsa", **({} if typ is None else {"typ": typ})}
    token = signed(json.dumps(header).encode(), json.dumps(idp.claims()).encode())
    if taken:
        assert await make().learn(token, HERE)
    else:
        await refused(make(), token)
    if typ is None:
        await refused(make(types=["at+jwt"]), token)


async def test_what_could_be_read_in_two_ways_is_refused(make: Make, idp: Provider) -> None:
    callers = make()
    header, good = b'{"alg":"RS256","kid":"rsa"}', json.dumps(idp.claims()).encode()
    assert await callers.learn(signed(header, good), HERE)
    twice = good[:-1] + b',"sub":"root"}'
    for head, claims in (
        (header, twice),
        (header, good[:-1] + b',"exp":99999999999}'),
        (b'{"alg":"none","alg":"RS256","kid":"rsa"}', good),
        (b'{"alg":"RS256","kid":"no","kid":"rsa"}', good),
        (header, b'{"a":' * 200 + b"1" + b"}" * 200),
        (header, b"[" + good + b"]"),
        (header, b'{"sub":"\\ud800"}'),
        (header, b'{"exp":NaN}'),
        (header, b"\xff\xfe" + good),
    ):
        await refused(callers, signed(head, claims))
    token = signed(header, good)
    first, second, third = token.split(b".")
    for changed in (
        first + b"=." + second + b"." + third,
        first + b"." + second + b"==." + third,
        first + b"\n." + second + b"." + third,
        b" " + token,
        token + b".",
        token + b"." + third,
        first + b"." + second,
        first + b".." + third,
        first.replace(b"-", b"+") + b"!." + second + b"." + third,
    ):
        await refused(callers, changed)


async def test_headers_that_change_the_rules_are_refused(make: Make, idp: Provider) -> None:
    callers = make()
    for more in (
        {"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True},
        {"zip": "DEF"}, {"cty": "JWT"}, {"cty": "application/jwt"}, {"enc": "A128GCM"},
    ):  # fmt: skip
        header = json.dumps({"alg": "RS256", "kid": "rsa", **more}).encode()
        await refused(callers, signed(header, json.dumps(idp.claims()).encode()))


async def test_a_token_within_a_token_is_refused(make: Make, idp: Provider) -> None:
    inner = idp.sign()
    await refused(make(), signed(b'{"alg":"RS256","kid":"rsa","cty":"JWT"}', inner))
    await refused(make(), signed(b'{"alg":"RS256","kid":"rsa"}', inner))
    await refused(make(), inner.replace(b".", b"..", 1))
    await refused(make(), b"ey" + b"a.a.a.a.a"[1:])


async def test_a_huge_token_costs_one_look_at_its_length(make: Make, idp: Provider) -> None:
    callers = make()
    await refused(callers, idp.sign(pad="x" * 20_000))
    await refused(callers, b"ey." + b"a" * 10_000_000 + b".a")
    assert idp.asked == []
    assert await callers.learn(idp.sign(groups=[f"g{number}" for number in range(1_500)]), HERE)


async def test_a_weak_key_verifies_nothing(make: Make, idp: Provider) -> None:
    idp.keys.append(jwk(WEAK_RSA_KEY, "weak"))
    begun = part({"alg": "RS256", "kid": "weak"}) + b"." + part(idp.claims())
    algorithm = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256)
    await refused(make(), begun + b"." + part(algorithm.sign(begun, WEAK_RSA_KEY)))


async def test_a_key_that_is_for_something_else_verifies_nothing(make: Make, idp: Provider) -> None:
    for more in ({"use": "enc"}, {"key_ops": ["encrypt"]}, {"d": "AQAB"}, {"alg": "RSA-OAEP"}):
        idp.keys = [jwk(RSA_KEY, "rsa", **more), jwk(EC_KEY, "ec")]
        await refused(make(), idp.sign())
    idp.keys = [jwk(RSA_KEY, "rsa"), jwk(OTHER_RSA_KEY, "rsa"), jwk(EC_KEY, "ec")]
    await refused(make(), idp.sign())


async def test_values_that_are_required_have_to_be_there(make: Make, idp: Provider) -> None:
    callers = make(required={"email_verified": "true", "amr": "mfa"})
    assert await callers.learn(idp.sign(email_verified=True, amr=["pwd", "mfa"]), HERE)
    for claims in (
        {"email_verified": True},
        {"email_verified": False, "amr": "mfa"},
        {"email_verified": 1, "amr": "mfa"},
    ):
        await refused(callers, idp.sign(**claims))


# --- keys that change, and providers that are away


async def test_a_new_key_is_found_and_an_old_one_ends(make: Make, idp: Provider, clock: StoppedClock) -> None:
    callers, old = make(), idp.sign()
    await callers.learn(old, HERE)
    clock.at_ns += 31 * NS
    idp.keys = [jwk(OTHER_RSA_KEY, "second")]

    assert await callers.learn(idp.sign(OTHER_RSA_KEY, "second"), HERE)
    await refused(callers, old)


async def test_a_key_that_is_swapped_under_its_name_ends_what_it_signed(
    make: Make, idp: Provider, clock: StoppedClock
) -> None:
    callers, old = make(), idp.sign()
    await callers.learn(old, HERE)
    idp.keys = [jwk(OTHER_RSA_KEY, "rsa")]
    clock.at_ns += 301 * NS
    await callers._doors.issuers.refresh()
    await refused(callers, old)
    assert await callers.learn(idp.sign(OTHER_RSA_KEY), HERE)


async def test_unknown_keys_bring_one_look_about_in_their_time(make: Make, idp: Provider, clock: StoppedClock) -> None:
    callers = make()
    await callers.learn(idp.sign(), HERE)
    looks = len(idp.asked)
    for number in range(50):
        await refused(callers, idp.sign(OTHER_RSA_KEY, f"k{number}"))
    assert len(idp.asked) == looks
    clock.at_ns += 31 * NS
    for number in range(50):
        await refused(callers, idp.sign(OTHER_RSA_KEY, f"k{number}"))
    assert len(idp.asked) == looks + 2


@pytest.mark.parametrize("mode", ["failing", "strange", "elsewhere", "huge", "silent"])
async def test_while_a_provider_is_away_its_keys_are_used_until_they_are_stale(
    make: Make, idp: Provider, clock: StoppedClock, mode: Any
) -> None:
    callers, known = make(timeout_s=0.1, jwks_stale_s=600), idp.sign(exp=NOW_S + 10_000)
    await callers.learn(known, HERE)
    idp.mode = mode

    clock.at_ns += 599 * NS
    await callers._doors.issuers.refresh()
    assert callers.principal(known) is not None
    assert await callers.learn(idp.sign(sub="bob", exp=NOW_S + 10_000), HERE)
    clock.at_ns += NS

    assert callers.principal(known) is None
    with pytest.raises(Unavailable) as raised:
        await callers.learn(known, HERE)
    assert (raised.value.said_code, raised.value.said_status) == ("identity_provider_away", 503)
    assert raised.value.retry_after_s is not None
    idp.mode = "well"
    idp.free.set()
    clock.at_ns += 61 * NS
    assert await callers.learn(known, HERE)


async def test_a_provider_that_never_answered_is_not_believed_and_not_pestered(
    make: Make, idp: Provider, clock: StoppedClock
) -> None:
    idp.mode = "failing"
    callers = make()
    for _ in range(20):
        with pytest.raises(Unavailable):
            await callers.learn(idp.sign(), HERE)
    assert len(idp.asked) == 1
    for gap_s, looks in ((1, 2), (1, 2), (1, 3), (4, 4), (7, 4), (1, 5)):
        clock.at_ns += gap_s * NS
        await callers._doors.issuers.refresh()
        assert len(idp.asked) == looks, gap_s


async def test_a_discovery_document_of_another_issuer_is_not_believed(make: Make, idp: Provider) -> None:
    for said, uri in (("https://evil.example", f"{idp.url}/keys"), (idp.url, "http://keys.example/k"), (idp.url, "x")):
        idp.said_issuer, idp.jwks_uri = said, uri
        with pytest.raises(Unavailable):
            await make().learn(idp.sign(), HERE)
    assert "/keys" not in idp.asked


async def test_an_address_of_keys_that_is_set_is_asked_alone(make: Make, idp: Provider) -> None:
    assert await make(jwks_url=f"{idp.url}/other").learn(idp.sign(), HERE)
    assert idp.asked == ["/other"]


async def test_all_who_wait_share_one_look(make: Make, idp: Provider) -> None:
    import asyncio

    callers = make()
    found = await asyncio.gather(*(callers.learn(idp.sign(sub=f"u{number}"), HERE) for number in range(20)))
    assert len({one.user for one in found}) == 20
    assert idp.asked == ["/.well-known/openid-configuration", "/keys"]


async def test_a_provider_is_known_by_its_certificate(clock: StoppedClock, client: Client, tmp_path: Path) -> None:
    authority, stranger = Authority("authority", tmp_path), Authority("stranger", tmp_path)
    cert, key, _ = authority.issue("idp")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with provider(context) as secure:
        for trusted, taken in ((authority, True), (stranger, False)):
            one = IssuerSettings(name="corp", issuer=secure.url, audiences=[AUDIENCE], ca_file=str(trusted.file))
            callers = Callers((), Owned(), doors_of(client, clock), IdentitySettings(issuers=[one], throttle=PLENTY))
            if taken:
                assert await callers.learn(secure.sign(), HERE)
            else:
                with pytest.raises(Unavailable):
                    await callers.learn(secure.sign(), HERE)


# --- service accounts


def robot(**fields: Any) -> AccountForm:
    return AccountForm(**{"name": "robot", "issuer": "corp", "subject": "ci", **fields})


def with_accounts(callers: Callers, *accounts: AccountSpec) -> Callers:
    owned = Owned()
    owned.accounts = accounts
    callers.know(owned)
    return callers


async def test_a_token_stands_for_the_account_that_names_it(make: Make, idp: Provider, clock: StoppedClock) -> None:
    form = robot(roles=["member"], team="search", models=["fast"])
    callers = with_accounts(make(roles={"llm-admins": "admin"}), made_account(form, None, clock.now_ns()))

    who = await callers.learn(idp.sign(sub="ci", groups=["llm-admins"]), HERE)

    assert (who.key, who.roles, who.team, who.models) == ("account/robot", ("member",), "search", ("fast",))
    assert (await callers.learn(idp.sign(), HERE)).key == "token/corp/alice"


async def test_an_account_of_another_tenant_takes_nobody_over(make: Make, idp: Provider, clock: StoppedClock) -> None:
    callers = with_accounts(make(), made_account(robot(tenant="globex", roles=["member"]), None, clock.now_ns()))
    who = await callers.learn(idp.sign(sub="ci"), HERE)
    assert (who.key, who.tenant, who.roles) == ("token/corp/ci", "default", ())


async def test_an_account_that_is_revoked_or_expired_ends_its_tokens_at_once(
    make: Make, idp: Provider, clock: StoppedClock
) -> None:
    spec = made_account(robot(), None, clock.now_ns())
    callers, token = with_accounts(make(), spec), idp.sign(sub="ci")
    await callers.learn(token, HERE)
    assert (await refused(with_accounts(callers, revoked(spec, clock.now_ns())), token)).said_code == "key_revoked"
    ended = made_account(robot(expires="2020-01-01T00:00:00Z"), None, clock.now_ns())
    assert (await refused(with_accounts(callers, ended), token)).said_code == "key_expired"


# --- bounds, and beside keys


async def test_tokens_that_are_known_are_bounded(idp: Provider, make: Make, clock: StoppedClock) -> None:
    tokens = Tokens(make()._doors.issuers, clock.now_ns, most=5)
    for number in range(12):
        token = idp.sign(sub=f"u{number}")
        await tokens.learn(token, hashlib.sha256(token).digest())
    assert len(tokens._known) == 5
    assert len(tokens._principals) <= 5


async def test_where_tokens_are_taken_nobody_is_anonymous(make: Make) -> None:
    callers = make()
    assert callers.principal(None) is None
    with pytest.raises(NotAuthenticated):
        await callers.learn(None, HERE)


async def test_keys_go_on_beside_tokens(make: Make, idp: Provider) -> None:
    callers = make(keys=(KeySettings(name="ci", key=Secret("sk-1234567890abcdef")),))
    found = callers.principal(b"sk-1234567890abcdef")
    assert found is not None
    assert found.key == "ci"
    assert (await callers.learn(idp.sign(), HERE)).key == "token/corp/alice"


async def test_a_configuration_that_stays_keeps_the_keys(
    make: Make, idp: Provider, clock: StoppedClock, client: Client
) -> None:
    callers = make()
    await callers.learn(idp.sign(), HERE)
    again = Callers((), Owned(), callers._doors, callers._identity)
    assert await again.learn(idp.sign(), HERE)
    assert len(idp.asked) == 2


async def test_forged_tokens_count_as_guesses_and_expired_ones_don_t(
    idp: Provider, clock: StoppedClock, client: Client
) -> None:
    issuer = IssuerSettings(name="corp", issuer=idp.url, audiences=[AUDIENCE])
    identity = IdentitySettings(issuers=[issuer], throttle=ThrottleSettings(failures=3))
    callers = Callers((), Owned(), doors_of(client, clock), identity)
    for number in range(10):
        await refused(callers, idp.sign(sub=f"u{number}", exp=NOW_S - 100))
    for number in range(3):
        await refused(callers, idp.sign(OTHER_RSA_KEY, sub=f"u{number}"))
    with pytest.raises(OverLimit):
        await callers.learn(idp.sign(OTHER_RSA_KEY, sub="u9"), HERE)
    assert await callers.learn(idp.sign(), HERE)
