"""Signatures, against AWS's own examples and against a second reading of the standard."""

import hmac
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from urllib.parse import quote

import pytest
from fakes.clock import StoppedClock
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from antiphon.providers.auth.sigv4 import SigV4, library

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


@pytest.fixture(autouse=True)
def _installed(needs: Any) -> None:
    needs("botocore")


class Keys:
    def __init__(self, access_key: str, secret_key: str, token: str | None = None) -> None:
        self.access_key, self.secret_key, self.token = access_key, secret_key, token


def signing(at: str = "20150830T123600Z", *, service: str = "service", keys: Keys | None = None) -> SigV4:
    when = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return SigV4(
        keys or Keys("AKIDEXAMPLE", SECRET),
        service=service,
        region="us-east-1",
        clock=StoppedClock(int(when.timestamp()) * 1_000_000_000 + 999_999_999),
        botocore=library("providers.up.auth.aws"),
    )


# Source: AWS's Signature Version 4 test suite, as smithy-typescript has it in
# packages/signature-v4/src/suite.fixture.ts, 2026-11.
SUITE = [
    ("GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),  # get-vanilla
    ("POST", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),  # post-vanilla
    # get-vanilla-query-order-key-case
    ("GET", "Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
]


@pytest.mark.parametrize(("method", "query", "signature"), SUITE)
def test_the_test_suite_is_signed_as_aws_signs_it(method: str, query: str, signature: str) -> None:
    at = "20150830T123600Z"
    said = signing().authorization(method, "example.amazonaws.com", "/", query, {"X-Amz-Date": at}, at)
    assert said == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders=host;x-amz-date, Signature={signature}"
    )


def test_the_example_of_s3_is_signed_as_its_page_says() -> None:
    """Source: docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, example GET Object, 2026-11."""
    at = "20130524T000000Z"
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    headers = {"Range": "bytes=0-9", "X-Amz-Content-SHA256": sha256(b"").hexdigest(), "X-Amz-Date": at}
    said = signing(at, service="s3", keys=keys).authorization(
        "GET", "examplebucket.s3.amazonaws.com", "/test.txt", "", headers, at
    )
    assert said.endswith(
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    )


def second(method: str, host: str, path: str, query: str, body: bytes, headers: dict[str, str]) -> str:
    """The signature, written down from the standard and from nothing of botocore.

    The path is encoded once more than on the wire, as for every service but S3.
    """
    named = {"host": host} | {name.lower(): value for name, value in headers.items() if name != "Authorization"}
    lines = "".join(f"{name}:{named[name]}\n" for name in sorted(named))
    # By name, then by value: of whole pairs `a-=` would come before `a=`.
    named_values = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    pairs = "&".join(f"{name}={value}" for name, value in named_values)
    canonical = "\n".join(
        [method, quote(path, safe="/~"), pairs, lines, ";".join(sorted(named)), sha256(body).hexdigest()]
    )
    at = headers["X-Amz-Date"]
    scope = f"{at[:8]}/us-east-1/bedrock/aws4_request"
    key = f"AWS4{SECRET}".encode()
    for word in scope.split("/"):
        key = hmac.digest(key, word.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
    return hmac.digest(key, text.encode(), "sha256").hex()


def headers_of(lines: bytes) -> dict[str, str]:
    assert lines.endswith(b"\r\n")
    return dict(line.split(": ", 1) for line in lines.decode("latin-1").removesuffix("\r\n").split("\r\n"))


words = st.text("abcXYZ019-._~", min_size=1, max_size=8)
encoded = st.lists(st.text("aZ9-._~:/ é", min_size=1, max_size=6).map(lambda one: quote(one, safe="")), max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    path=encoded.filter(lambda parts: not {".", ".."} & set(parts)),
    query=st.lists(st.tuples(words, words), max_size=3),
    body=st.lists(st.binary(max_size=20), max_size=4),
    token=st.none() | words,
)
def test_every_request_is_signed_as_the_standard_says(
    path: Sequence[str], query: Sequence[tuple[str, str]], body: Sequence[bytes], token: str | None
) -> None:
    place, asked = "/" + "/".join(path), "&".join(f"{name}={value}" for name, value in query)
    signer = signing(service="bedrock", keys=Keys("AKIDEXAMPLE", SECRET, token))

    headers = headers_of(signer.lines("POST", "bedrock-runtime.us-east-1.amazonaws.com", place, asked, body))

    assert headers["X-Amz-Date"] == "20150830T123600Z"
    assert headers["X-Amz-Content-SHA256"] == sha256(b"".join(body)).hexdigest()
    assert headers.get("X-Amz-Security-Token") == token
    expected = second("POST", "bedrock-runtime.us-east-1.amazonaws.com", place, asked, b"".join(body), headers)
    assert headers["Authorization"].rpartition("=")[2] == expected


@pytest.mark.parametrize("change", ["method", "host", "path", "query", "body"])
def test_whatever_changes_on_the_way_breaks_the_signature(change: str) -> None:
    signer = signing(service="bedrock")
    said = {"method": "POST", "host": "a.example", "path": "/model/m/converse", "query": "", "body": b"{}"}
    lines = signer.lines("POST", "a.example", "/model/m/converse", "", [b"{", b"}"])
    other = {"method": "PUT", "host": "b.example", "path": "/model/n/converse", "query": "a=1", "body": b"[]"}
    headers = headers_of(lines)

    assert second(**said, headers=headers) == headers["Authorization"].rpartition("=")[2]
    assert second(**{**said, change: other[change]}, headers=headers) not in headers["Authorization"]


def test_a_port_is_part_of_the_host() -> None:
    headers = headers_of(signing(service="bedrock").lines("POST", "127.0.0.1:8443", "/m", "", [b""]))
    signed = second("POST", "127.0.0.1:8443", "/m", "", b"", headers)
    assert headers["Authorization"].endswith(f"Signature={signed}")
