"""A receipt as a page of text."""

from collections.abc import Iterable
from datetime import UTC, datetime

from antiphon.cli import plan_page, text
from antiphon.cli.receipt_attempts import attempt_lines
from antiphon.cli.terminal import bold
from antiphon.core.plan import Plan
from antiphon.core.principal import Principal
from antiphon.core.receipt import Ran, Receipt
from antiphon.core.request import Lineage

OUTCOMES = {
    "ok": "answered",
    "refused": "refused before anything was sent",
    "failed": "failed upstream",
    "client_gone": "the caller left before the end",
    "interrupted": "the gateway's process ended before the request did",
    "running": "still runs, or its end is not recorded",
}
BASES = {
    "reported": "reported usage at the configured price",
    "bundled": "reported usage at the bundled price",
    "unpriced": "unknown: the deployment has no price",
    "no_usage": "unknown: the upstream reported no usage",
    "shared": "in the receipt of the call that it shared",
    "cached": "the answer was given again",
}
LOST = {
    "no key": "no key: its provider is off",
    "lab": "lab: it is simulated, and a real deployment is there",
    "weight 0": "weight 0: it takes no share",
    "policy": "policy: the verdict excludes it",
}
"""Why a candidate was not chosen; reasons that explain themselves are not listed."""


def page(receipt: Receipt) -> list[str]:
    """Everything that a receipt says, in the order in which it happened."""
    lines = [bold(f"Receipt {receipt.id}"), *text.pairs(_facts(receipt))]
    if receipt.plan is not None:
        lines += _section("Facts", plan_page.fact_lines(receipt.facts))
        lines += _section("Plan", _plan(receipt.plan, receipt.seed))
    lines += _section("Attempts", attempt_lines(receipt))
    lines += _section("Decided on the way", plan_page.noted_lines(receipt.steps))
    lines += _section("Rated", plan_page.rated_lines(receipt.rated))
    lines += _section("Findings", plan_page.finding_lines(receipt.findings))
    lines += _section("Losses", text.table((one.field, f"{one.effect}: {one.why}") for one in receipt.losses))
    lines += _section("Notes", text.table((note,) for note in receipt.notes))
    return lines


def _section(title: str, lines: Iterable[str]) -> list[str]:
    inner = text.indented(lines)
    return ["", bold(title), *inner] if inner else []


def _facts(receipt: Receipt) -> list[tuple[str, str]]:
    return [
        ("outcome", _outcome(receipt)),
        ("error", f"{receipt.error}: {receipt.detail}" if receipt.error else ""),
        ("time", _times(receipt)),
        ("who", _who(receipt.principal, receipt.user)),
        ("asked", _asked(receipt)),
        ("planned", _planned(receipt.plan)),
        ("served", _served(receipt)),
        ("verdict", _verdict(receipt)),
        ("obliged to", plan_page.obligations(receipt.verdict)),
        ("class", (receipt.verdict.data_class or "") if receipt.verdict is not None else ""),
        ("guards", ", ".join(receipt.guards)),
        ("approval", receipt.approval),
        ("usage", text.tokens(receipt.usage) if receipt.usage is not None else ""),
        ("cost", _cost(receipt)),
        ("run", _ran(receipt.run)),
        ("deadline", _deadline(receipt)),
        ("stopped", receipt.stopped),
        ("shared", f"the call of receipt {receipt.shared}" if receipt.shared else ""),
        ("cached", f"the answer of receipt {receipt.cached}" if receipt.cached else ""),
        ("handed off", f"to {receipt.handed_off}" if receipt.handed_off else ""),
        ("lineage", _lineage(receipt.lineage)),
        ("trace", receipt.trace_id),
        ("digest", f"SHA-256 {receipt.digest}" if receipt.digest else ""),
        ("content", "captured: see --content" if receipt.captured else ""),
        ("decided", f"under revision {receipt.revision}, by worker {receipt.worker}"),
    ]


def _outcome(receipt: Receipt) -> str:
    status = f", HTTP {receipt.status}" if receipt.status else ""
    return f"{receipt.outcome}{status}: {OUTCOMES[receipt.outcome]}"


def _times(receipt: Receipt) -> str:
    moment = datetime.fromtimestamp(receipt.at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    first = f"first token {text.micros(receipt.first_token_us)}, " if receipt.first_token_us is not None else ""
    total = f"total {text.micros(receipt.duration_us)}" if receipt.duration_us else "its end is not known"
    return f"{moment} UTC; {first}{total}"


def _who(principal: Principal | None, user: str) -> str:
    if principal is None:
        return "nobody: the key was missing or unknown"
    said = [
        ("tenant", principal.tenant),
        ("key", principal.key + (" (admin)" if principal.admin else "")),
        ("team", principal.team),
        ("department", principal.department),
        ("user", principal.user),
        ("roles", " ".join(principal.roles)),
        ("tags", " ".join(principal.tags)),
        ("for its user", user),
    ]
    return _listed(said)


def _asked(receipt: Receipt) -> str:
    where = f"by {receipt.endpoint or 'an unreadable request'} ({receipt.dialect}), {text.size(receipt.size_bytes)}"
    if not receipt.asked:
        return where
    how = "a stream" if receipt.stream else "a whole answer"
    answers = "" if receipt.answers == 1 else f", {receipt.answers} answers"
    most = "" if receipt.output_tokens is None else f", {text.counted(receipt.output_tokens, 'output token')} at most"
    needs = f", needs {', '.join(receipt.needs)}" if receipt.needs else ""
    return f"{receipt.asked}, as {how}{answers}{most}{needs}, {where}"


def _planned(plan: Plan | None) -> str:
    if plan is None:
        return ""
    deployments = ", ".join(dict.fromkeys(name for step in plan.steps for name in step.deployments))
    prompt = f", with prompt {plan.prompt}" if plan.prompt else ""
    rule = f", by rule {plan.rule}" if plan.rule else ""
    branch = f", in part {plan.branch}" if plan.branch else ""
    named = f" {plan.named}" if plan.named else ""
    return f"{plan.recipe}{named} on route {plan.route}: {deployments}{prompt}{rule}{branch}"


def _served(receipt: Receipt) -> str:
    if not receipt.served:
        return ""
    model = f", model {receipt.served_model}" if receipt.served_model else ""
    fingerprint = f", fingerprint {receipt.fingerprint}" if receipt.fingerprint else ""
    return f"{receipt.served}{model}{fingerprint}"


def _verdict(receipt: Receipt) -> str:
    verdict = receipt.verdict
    if verdict is None:
        return ""
    why = (*verdict.why, *("" for _ in verdict.excluded[len(verdict.why) :]))
    out = [f"{name} ({by})" if by else name for name, by in zip(verdict.excluded, why, strict=True)]
    without = f"; not to {', '.join(out)}" if out else ""
    return f"{'allowed' if verdict.allowed else 'denied'} by {', '.join(verdict.reasons) or 'no rule'}{without}"


def _cost(receipt: Receipt) -> str:
    basis = BASES.get(receipt.cost_basis, receipt.cost_basis)
    spent = "" if receipt.spent_nano_usd is None else f"; all attempts {text.dollars(receipt.spent_nano_usd)}"
    if receipt.cost_nano_usd is None:
        return f"{basis}{spent}"
    return f"{text.dollars(receipt.cost_nano_usd)} ({basis}){spent}"


def _ran(run: Ran | None) -> str:
    if run is None:
        return ""
    used = f"{run.calls} calls of models, {run.tool_calls} of tools, {text.tokens(run.usage)}"
    return f"{run.id}: {used}, {text.dollars(run.cost_nano_usd)}; counted in the receipts of its calls"


def _deadline(receipt: Receipt) -> str:
    limit = receipt.deadline
    if limit is None:
        return ""
    if limit.asked_s is not None:
        return f"{limit.allowed_s:g} s, by the {limit.by}; {limit.header} asked for {limit.asked_s:g} s"
    return f"{limit.allowed_s:g} s, by " + (limit.header or f"the {limit.by}")


def _lineage(lineage: Lineage) -> str:
    return _listed([(name, getattr(lineage, name)) for name in ("session", "run", "step", "parent")])


def _listed(said: list[tuple[str, str]]) -> str:
    return ", ".join(f"{name} {value}" for name, value in said if value)


def _plan(plan: Plan, seed: int) -> list[str]:
    rows = [(one.deployment, LOST.get(one.lost, one.lost)) for one in plan.candidates if one.lost]
    chosen = [(one.deployment, "may answer") for one in plan.candidates if not one.lost]
    steps: list[str] = []
    for step in plan.steps:
        envelope = step.envelope
        most = "" if envelope.output_tokens is None else f", {text.counted(envelope.output_tokens, 'output token')}"
        steps.append(
            f"step {step.name}: at most {text.counted(envelope.attempts, 'attempt')}, {envelope.seconds:g} s{most}"
        )
        steps += [f"  after {one.on} failures: {', '.join(one.deployments)}" for one in step.fallbacks]
    whole = [] if plan.envelope is None else [f"all together: {plan_page.envelope_line(plan.envelope)}"]
    return [*text.table([*chosen, *rows]), *steps, *whole, f"digest {plan.digest()}, seed {seed}"]
