from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from receipts import receipt

from antiphon.core.receipt import Attempt, Outcome, Receipt
from antiphon.core.usage import Usage
from antiphon.telemetry.metrics import LATENCY_S, Metrics
from antiphon.telemetry.page import CONTENT_TYPE, page
from antiphon.telemetry.slots import Slots

FAST = {"route": "fast", "deployment": "small"}
Found = dict[tuple[str, frozenset[tuple[str, str]]], float]


def found(directory: Path) -> Found:
    """Every sample of the page, as Prometheus reads it."""
    families = text_string_to_metric_families(page(directory).decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def value(directory: Path, name: str, **labels: str) -> float:
    return found(directory)[name, frozenset(labels.items())]


def served(number: int, **fields: object) -> Receipt:
    return receipt(
        number, **{"served": "small", "attempts": (Attempt(deployment="small", provider="p", model="m"),), **fields}
    )


@pytest.fixture
def metrics(tmp_path: Path) -> Metrics:
    return Metrics(Slots(tmp_path, "worker-0"))


def test_an_empty_page_is_well_formed(tmp_path: Path, metrics: Metrics) -> None:
    names = {family.name: family.type for family in text_string_to_metric_families(page(tmp_path).decode())}

    assert names == {
        "antiphon_client_connections": "gauge",
        "antiphon_journal_unshipped_bytes": "gauge",
        "antiphon_loop_lag_max_seconds": "gauge",
        "antiphon_loop_lag_seconds": "histogram",
        "antiphon_metrics_lost": "counter",
        "antiphon_upstream_connections": "gauge",
    }
    assert CONTENT_TYPE == b"text/plain; version=0.0.4; charset=utf-8"


def test_a_page_without_workers_is_empty(tmp_path: Path) -> None:
    assert page(tmp_path) == b""


def test_a_finished_request_is_counted_once_in_each_place(tmp_path: Path, metrics: Metrics) -> None:
    usage = Usage(input_tokens=100, cached_tokens=40, output_tokens=7)
    done = served(1, duration_us=30_000, first_token_us=20_000, usage=usage, cost_nano_usd=1_500_000_000)

    metrics.finished(done, "fast")

    ok = {**FAST, "outcome": "ok", "error": ""}
    assert value(tmp_path, "antiphon_requests_total", **ok) == 1
    assert value(tmp_path, "antiphon_tokens_total", **FAST, kind="input") == 100
    assert value(tmp_path, "antiphon_tokens_total", **FAST, kind="cached") == 40
    assert value(tmp_path, "antiphon_tokens_total", **FAST, kind="output") == 7
    assert value(tmp_path, "antiphon_cost_usd_total", **FAST) == 1.5
    assert value(tmp_path, "antiphon_request_seconds_count", **FAST) == 1
    assert value(tmp_path, "antiphon_request_seconds_sum", **FAST) == pytest.approx(0.03)
    assert value(tmp_path, "antiphon_first_token_seconds_sum", **FAST) == pytest.approx(0.02)


def test_buckets_are_cumulated_to_the_count(tmp_path: Path, metrics: Metrics) -> None:
    for number, micros in enumerate([0, 5000, 5001, 1_000_000, 10**9]):
        metrics.finished(served(number, duration_us=micros), "fast")

    buckets = [value(tmp_path, "antiphon_request_seconds_bucket", **FAST, le=str(bound)) for bound in LATENCY_S]

    assert buckets == [2, 3, *[3] * 5, 4, *[4] * 8]
    assert value(tmp_path, "antiphon_request_seconds_bucket", **FAST, le="+Inf") == 5
    assert value(tmp_path, "antiphon_request_seconds_count", **FAST) == 5


def test_all_workers_are_one_page(tmp_path: Path) -> None:
    for number in range(3):
        worker = Metrics(Slots(tmp_path, f"worker-{number}"))
        worker.finished(served(number), "fast")
        worker.in_flight("small").add(number)
        worker.lag_max.set(number / 10)

    assert value(tmp_path, "antiphon_requests_total", **FAST, outcome="ok", error="") == 3
    assert value(tmp_path, "antiphon_attempts_in_flight", deployment="small") == 3
    assert value(tmp_path, "antiphon_loop_lag_max_seconds") == 0.2


def test_an_outcome_is_told_with_its_error(tmp_path: Path, metrics: Metrics) -> None:
    failed = served(1, outcome="failed", error="upstream_timeout", served="")
    refused = receipt(2, "refused", error="invalid_api_key")

    metrics.finished(failed, "fast")
    metrics.finished(refused, "")

    assert value(tmp_path, "antiphon_requests_total", **FAST, outcome="failed", error="upstream_timeout") == 1
    nowhere = {"route": "", "deployment": ""}
    assert value(tmp_path, "antiphon_requests_total", **nowhere, outcome="refused", error="invalid_api_key") == 1


def test_attempts_are_counted_by_how_they_ended_and_further_ones_by_why_they_were_made(
    tmp_path: Path, metrics: Metrics
) -> None:
    def attempt(deployment: str, **fields: Any) -> Attempt:
        return Attempt(deployment=deployment, provider="p", model="m", **fields)

    attempts = (
        attempt("small", error="upstream_broken"),
        attempt("small", reason="same_key: broken", status=429),
        attempt("big", reason="other_deployment: broken", status=200),
        attempt("huge", reason="fallback:any: broken", status=200),
        attempt("huge", reason="hedge: no content within 1 s (p95 of first content)", status=200),
    )

    metrics.finished(served(1, attempts=attempts), "fast")

    def ended(deployment: str, result: str) -> float:
        return value(tmp_path, "antiphon_attempts_total", deployment=deployment, result=result)

    assert ended("small", "upstream_broken") == ended("small", "ended") == ended("big", "ok") == 1
    assert ended("huge", "ok") == 2
    retries = {labels: one for (name, labels), one in found(tmp_path).items() if name == "antiphon_retries_total"}
    assert retries == {
        frozenset({"deployment": "small", "place": "same_key", "failure": "broken"}.items()): 1,
        frozenset({"deployment": "big", "place": "other_deployment", "failure": "broken"}.items()): 1,
    }
    assert value(tmp_path, "antiphon_fallbacks_total", route="fast", on="any") == 1


@pytest.mark.parametrize(
    ("outcome", "fields", "result"),
    [
        ("ok", {"status": 200}, "ok"),
        ("ok", {"status": 101}, "ok"),
        ("failed", {"status": 200}, "ok"),
        ("failed", {"status": 200, "error": "upstream_broken", "detail": "it broke"}, "upstream_broken"),
        ("ok", {"status": 200, "detail": "ended: another attempt was faster"}, "lost"),
        ("ok", {"detail": "ended: another attempt was faster"}, "lost"),
        ("client_gone", {"status": 200, "detail": "ended: another attempt was faster"}, "lost"),
        ("client_gone", {"status": 200}, "left"),
        ("client_gone", {}, "left"),
        ("client_gone", {"status": 500, "error": "upstream_error"}, "upstream_error"),
        ("interrupted", {"status": 200}, "ended"),
        ("failed", {}, "ended"),
    ],
)
def test_an_attempt_without_an_error_is_counted_as_well_only_when_its_answer_was_wanted_to_its_end(
    tmp_path: Path, metrics: Metrics, outcome: Outcome, fields: dict[str, Any], result: str
) -> None:
    attempt = Attempt(deployment="small", provider="p", model="m", **fields)

    for number in range(2):
        metrics.finished(served(number, outcome=outcome, attempts=(attempt,)), "fast")

    counted = {labels: one for (name, labels), one in found(tmp_path).items() if name == "antiphon_attempts_total"}
    assert counted == {frozenset({"deployment": "small", "result": result}.items()): 2}


def test_the_gauges_of_deployments_that_are_no_more_are_nought(tmp_path: Path, metrics: Metrics) -> None:
    for name in ("small", "big"):
        metrics.gauge("antiphon_waiting", "Waiting.", name).set(3)
        metrics.in_flight(name).add(2)

    metrics.only({"big"})

    assert value(tmp_path, "antiphon_waiting", deployment="small") == 0
    assert value(tmp_path, "antiphon_waiting", deployment="big") == 3
    assert value(tmp_path, "antiphon_attempts_in_flight", deployment="small") == 2, "it runs on"

    metrics.gauge("antiphon_waiting", "Waiting.", "small").set(1)
    assert value(tmp_path, "antiphon_waiting", deployment="small") == 1, "it is back"


def test_hedges_and_shared_calls_are_counted_by_route(tmp_path: Path, metrics: Metrics) -> None:
    metrics.hedged("fast", "sent")
    metrics.hedged("fast", "denied")
    metrics.hedged("fast", "denied")
    metrics.coalesced("fast")

    assert value(tmp_path, "antiphon_hedges_total", route="fast", result="sent") == 1
    assert value(tmp_path, "antiphon_hedges_total", route="fast", result="denied") == 2
    assert value(tmp_path, "antiphon_coalesced_total", route="fast") == 1


def test_what_all_attempts_cost_is_counted_where_it_is_more_than_the_answer_did(
    tmp_path: Path, metrics: Metrics
) -> None:
    metrics.finished(served(1, cost_nano_usd=1_000_000_000, spent_nano_usd=1_500_000_000), "fast")

    assert value(tmp_path, "antiphon_cost_usd_total", **FAST) == 1.5


def test_what_callers_write_is_in_no_label(tmp_path: Path, metrics: Metrics) -> None:
    for number in range(5):
        metrics.finished(
            receipt(
                number,
                "refused",
                error="model_not_found",
                asked=f"mallory-{number}",
                user=f"mallory-{number}",
                endpoint=f"/v1/mallory-{number}",
                detail=f"mallory-{number}",
            ),
            "",
        )

    text = page(tmp_path).decode()

    assert "mallory" not in text
    assert (
        value(tmp_path, "antiphon_requests_total", route="", deployment="", outcome="refused", error="model_not_found")
        == 5
    )


def test_names_with_special_characters_are_escaped(tmp_path: Path, metrics: Metrics) -> None:
    metrics.in_flight('a"b\\c\nd').add(1)

    assert value(tmp_path, "antiphon_attempts_in_flight", deployment='a"b\\c\nd') == 1


def test_every_metric_has_a_help_text(tmp_path: Path, metrics: Metrics) -> None:
    metrics.finished(served(1), "fast")
    metrics.in_flight("small").add(1)

    for family in text_string_to_metric_families(page(tmp_path).decode()):
        assert family.documentation.endswith("."), family.name
