"""What a worker's live counters say of its deployments, as values that never change."""

from antiphon.calls.fleet import Fleet
from antiphon.calls.member import Member
from antiphon.core.view import Standing

MEDIAN, P95 = 0.5, 0.95


def standings(fleet: Fleet, now_s: float) -> dict[str, Standing]:
    """How every deployment stands now, by name."""
    return {member.name: standing(member, now_s) for member in fleet.members()}


def standing(member: Member, now_s: float) -> Standing:
    """How one stands. What `ready` says of its breaker, keys and limits is `calls`' own word."""
    state, live = member.breaker.state(now_s), member.live
    ready = member.ready(now_s)
    trouble = "" if ready else member.trouble(now_s) or f"left alone: {state.reason or state.state}"
    return Standing(
        deployment=member.name,
        ready=ready,
        trouble=trouble,
        first_token_p50_s=live.quantile_s(MEDIAN, now_s),
        first_token_p95_s=live.quantile_s(P95, now_s),
        total_p50_s=live.whole_s(MEDIAN, now_s),
        total_p95_s=live.whole_s(P95, now_s),
        errors=state.failure_fraction if state.volume else None,
        in_flight=live.in_flight,
    )
