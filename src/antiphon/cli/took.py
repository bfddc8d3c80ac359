"""What an answer took: a line for people, a document for programs."""

from antiphon.cli import text
from antiphon.cli.ask import Answered
from antiphon.core.money import NANO_PER_USD


def no_answer(answered: Answered) -> str:
    """That a last resort took an answer's place, and what is known of why."""
    record = answered.receipt
    why = f" ({record.error}: {record.detail})" if record is not None and record.error else ""
    parts = [f"no model answered{why}: this is the operator's text"]
    if answered.hand_off:
        parts.append(f"{answered.hand_off} takes over")
    return " · ".join([*parts, f"receipt {answered.receipt_id or 'unknown'}"])


def summary(answered: Answered) -> str:
    """Who answered, tokens, cost, times and the receipt, in one line."""
    served = answered.deployment or "unknown deployment"
    model = f" ({answered.model})" if answered.model not in {"", served} else ""
    record = answered.receipt
    usage = record.usage if record is not None else None
    nano = record.cost_nano_usd if record is not None else None
    first = f"first token {text.seconds(answered.first_token_s)}, " if answered.first_token_s is not None else ""
    parts = [
        served + model,
        "tokens unknown" if usage is None else text.tokens(usage),
        "cost unknown" if nano is None else text.dollars(nano),
        f"{first}total {text.seconds(answered.total_s)}",
        f"receipt {answered.receipt_id or 'unknown'}",
    ]
    if answered.finish_reason != "stop":
        parts.append(f"ended by {answered.finish_reason}")
    return " · ".join(parts)


def taken(answered: Answered) -> dict[str, object]:
    """The document of `antiphon chat --json`."""
    record = answered.receipt
    usage = record.usage if record is not None else None
    nano = record.cost_nano_usd if record is not None else None
    tokens = None
    if usage is not None:
        tokens = {
            "input_tokens": usage.input_tokens,
            "cached_tokens": usage.cached_tokens,
            "output_tokens": usage.output_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
        }
    return {
        "answer": answered.text,
        "model": answered.model,
        "deployment": answered.deployment,
        "finish_reason": answered.finish_reason,
        "usage": tokens,
        "cost_usd": None if nano is None else nano / NANO_PER_USD,
        "first_token_s": None if answered.first_token_s is None else round(answered.first_token_s, 6),
        "total_s": round(answered.total_s, 6),
        "receipt": answered.receipt_id,
    }
