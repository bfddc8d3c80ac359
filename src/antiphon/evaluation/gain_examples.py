"""Examples for a model of expected gain, out of recorded outcomes."""

from collections.abc import Callable, Iterable

from antiphon.evaluation import outcomes
from antiphon.evaluation.fit_gain import Example, Outcome
from antiphon.recipes.extract import key_of


def examples(found: Iterable[outcomes.Outcome], key: Callable[[str], str | None] = key_of) -> dict[str, Example]:
    """One for each prompt, by its id, in the order of the first outcomes. `key`: what an answer comes to."""
    texts: dict[str, str] = {}
    made: dict[str, dict[str, Outcome]] = {}
    for one in found:
        texts.setdefault(one.prompt_id, one.prompt)
        made.setdefault(one.prompt_id, {})[one.model] = Outcome(
            right=one.score,
            key=key(one.answer) if one.answer and one.answer.strip() else None,
            cost_nano_usd=one.cost_nano_usd,
            output_tokens=one.output_tokens,
        )
    return {name: Example(text=texts[name], outcomes=seats) for name, seats in made.items()}
