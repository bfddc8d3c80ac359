"""Receipts that say everything a receipt can say, some by people who mean no good."""

from typing import Any

from spent import id_at

from antiphon.core.finding import Finding
from antiphon.core.plan import Candidate, Envelope, Fallback, Grounds, Plan, Predicted, Step, Tried
from antiphon.core.principal import Principal
from antiphon.core.receipt import Attempt, Loss, Noted, Rated, Receipt, Timings
from antiphon.core.request import Lineage
from antiphon.core.signal import Fact
from antiphon.core.usage import Usage
from antiphon.core.verdict import Obligations, Verdict

SCRIPT = "<script>document.title='owned'</script>"
QUOTES = '"><img src=x onerror="document.title=\'owned\'">'
ARABIC = "مساعد-خدمة-العملاء"
TURNED = "safe\N{RIGHT-TO-LEFT OVERRIDE}gpj.exe"
LONG = "a-very-long-model-name-" + "x" * 400
SECOND_NS = 1_000_000_000
ACME = Principal(tenant="acme", key="alice", team="search", user="alice@acme.test", department="research")
GLOBEX = Principal(tenant="globex", key="bob", team="billing")


def usage(into: int, out: int) -> Usage:
    return Usage(input_tokens=into, output_tokens=out, cached_tokens=into // 4, reasoning_tokens=out // 3)


def attempt(deployment: str, started_us: int, took_us: int, **more: Any) -> Attempt:
    said: dict[str, Any] = {
        "deployment": deployment, "provider": "openai", "model": f"{deployment}-2026", "zone": "public", "region": "eu-west-1",
        "tier": "balanced", "started_us": started_us, "status": 200, "usage": usage(1200, 340), "cost_nano_usd": 1_930_000,
        "timings": Timings(queue_us=took_us // 40, connect_us=took_us // 12, first_byte_us=took_us // 4,
                           first_token_us=took_us // 3, last_byte_us=took_us),
        "ticket": "t-1", "held_nano_usd": 8_000_000, "request_id": "req_0193", "chosen": "least load",
    }  # fmt: skip
    return Attempt(**{**said, **more})


def plan(route: str, *deployments: str, **more: Any) -> Plan:
    steps = tuple(
        Step(
            name=f"step-{at}",
            deployments=(name,),
            envelope=Envelope(attempts=2, seconds=60, output_tokens=1024),
            role="final" if at else "draft",
            after=("step-0",) if at else (),
            fallbacks=(Fallback(on="any", deployments=("backup",)),),
        )
        for at, name in enumerate(deployments)
    )
    candidates = (
        *(Candidate(deployment=name) for name in deployments),
        Candidate(deployment="overseas", lost="policy"),
    )
    return Plan(recipe="cascade", route=route, steps=steps, candidates=candidates, **more)


def whole(at_ns: int, number: int, **more: Any) -> Receipt:
    """An ordinary one."""
    said: dict[str, Any] = {
        "id": id_at(at_ns, number), "at_ns": at_ns, "revision": "4f1c22d0a9e8", "outcome": "ok", "status": 200,
        "principal": ACME, "endpoint": "/v1/chat/completions", "dialect": "openai_chat", "asked": "balanced",
        "served": "gpt-main", "served_model": "gpt-main-2026", "stream": True, "size_bytes": 5321, "usage": usage(1200, 340),
        "cost_nano_usd": 1_930_000, "cost_basis": "reported", "duration_us": 1_640_000, "first_token_us": 560_000,
        "verdict": Verdict(allowed=True, reasons=("key.models",)), "plan": plan("balanced", "gpt-main"),
        "attempts": (attempt("gpt-main", 1200, 1_630_000),), "worker": 1,
    }  # fmt: skip
    return Receipt(**{**said, **more})


def rich(at_ns: int, number: int) -> Receipt:
    """One that has a word in every part of the page."""
    return whole(
        at_ns,
        number,
        asked="agent/refunds",
        principal=ACME,
        duration_us=4_210_000,
        first_token_us=2_950_000,
        lineage=Lineage(session="conv-7781", run="run-12", step="draft"),
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        served="claude-main",
        attempts=(
            attempt("gpt-main", 1200, 900_000, error="upstream_overloaded", detail="HTTP 529: overloaded", status=529,
                    usage=None, cost_nano_usd=None, failure="overloaded", step="step-0"),
            attempt("gpt-backup", 1_100_000, 1_500_000, reason="fallback:any: overloaded", step="step-0",
                    timings=Timings(waited_us=190_000, queue_us=2000, connect_us=60_000, first_byte_us=500_000,
                                    first_token_us=640_000, last_byte_us=1_500_000)),
            attempt("claude-main", 2_620_000, 1_580_000, step="step-1", provider="anthropic",
                    passed_over=(Candidate(deployment="overseas", lost="policy"),)),
        ),
        spent_nano_usd=5_120_000,
        used=usage(2400, 680),
        verdict=Verdict(
            allowed=True, reasons=("legal.eu-only", "key.models"), excluded=("overseas", "mini-us"),
            why=("legal.eu-only", "legal.eu-only,dpo.no-training"), data_class="confidential", policy="bundle-17",
            obligations=Obligations(mask=("email", "phone"), log="metadata", retention_days=30, approve="approver",
                                    approvals=2, max_tier="balanced"),
            shadow=("draft.no-tools: deny",),
        ),
        plan=plan("refunds", "gpt-main", "claude-main", rule="refunds-over-100", named="careful"),
        grounds=Grounds(
            objective="cheapest with quality of at least 80 %",
            tried=(Tried(rule="small-talk"), Tried(rule="vip", found="unknown", why="user.tier")),
            predicted=(
                Predicted(cost_nano_usd=4_000_000, cost_low_nano_usd=1_000_000, cost_high_nano_usd=9_000_000,
                          first_token_s=0.8, first_token_p95_s=2.4, total_s=3.1, total_p95_s=8.0, quality=0.86,
                          quality_low=0.79, quality_high=0.91),
                Predicted(deployment="gpt-main", cost_nano_usd=2_000_000),
            ),
        ),
        facts=(
            Fact(name="text.language", value="de", confidence=0.98, took_us=41),
            Fact(name="task.domain", value=("finance", "law"), confidence=0.71, took_us=220),
            Fact(name="user.tier", value=None, confidence=0.0, why="no such claim"),
        ),
        findings=(
            Finding(guard="pii", rule="pii.email", kind="email", where="messages[2].content", start=114, end=131, action="mask"),
            Finding(guard="secrets", rule="secrets.aws-access-token", kind="secret", where="messages[4].content", start=0,
                    end=20, action="flag", shadow=True, score=0.93),
        ),
        guards=("pii", "secrets", "injection"),
        steps=(
            Noted(step="step-0", what="accepted", score=0.61, at_us=2_600_000, why="below 0.8: escalated"),
            Noted(step="step-1", what="escalated", at_us=2_610_000),
        ),
        rated=(Rated(step="step-1", deployment="claude-main", source="judge", score=0.88, at_us=4_200_000),),
        losses=(Loss(field="logit_bias", why="Anthropic has no such field", effect="left out"),),
        notes=("the prompt was cached for 5 minutes",),
        approval="",
    )  # fmt: skip


def odd(now_ns: int) -> list[Receipt]:
    """From the newest to the oldest."""
    back = (now_ns - at * 7 * SECOND_NS for at in range(1, 100))
    nasty = Principal(tenant=SCRIPT, key=QUOTES, team=ARABIC, user=TURNED)
    failed = {
        "outcome": "failed",
        "status": 502,
        "served": "",
        "cost_nano_usd": None,
        "usage": None,
        "first_token_us": None,
    }
    return [
        rich(next(back), 1),
        whole(next(back), 2, outcome="running", status=0, duration_us=0, cost_nano_usd=None, usage=None, first_token_us=None),
        whole(next(back), 3, asked=SCRIPT, served=QUOTES, principal=nasty, notes=(SCRIPT,), error="", trace_id=QUOTES),
        whole(next(back), 4, asked=LONG, served=LONG, principal=Principal(tenant=LONG, key=LONG, user=LONG)),
        whole(next(back), 5, asked=ARABIC, served=TURNED, principal=GLOBEX),
        whole(next(back), 6, **failed, error="upstream_unreachable", detail="no connection to 10.0.0.9: refused",
              attempts=(attempt("gpt-main", 900, 3000, error="upstream_unreachable", usage=None, cost_nano_usd=None),)),
        whole(next(back), 7, outcome="refused", status=403, served="", attempts=(), error="policy_denied", asked="premium",
              detail="the policies forbid this: legal.eu-only", cost_nano_usd=None, usage=None, first_token_us=None,
              verdict=Verdict(allowed=False, reasons=("legal.eu-only",), data_class="restricted"), duration_us=800),
        whole(next(back), 8, principal=None, outcome="refused", status=401, error="invalid_api_key", asked="", served="",
              attempts=(), plan=None, verdict=None, cost_nano_usd=None, usage=None, first_token_us=None, duration_us=300),
        whole(next(back), 9, cached=id_at(now_ns - 10**12, 2), attempts=(), saved_nano_usd=1_930_000, cost_nano_usd=0),
        whole(next(back), 10, outcome="client_gone", status=200, principal=GLOBEX),
    ]  # fmt: skip
