"""Which of several answers is the best so far, where nothing judged them."""

from collections.abc import Sequence

from antiphon.recipes.port import Answer


def valid(answer: Answer) -> bool:
    """It says something, and wasn't cut off or held back."""
    choices = answer.response.choices
    if not choices or choices[0].finish_reason in {"content_filter", "length"}:
        return answer.streams
    return answer.calls_tools or bool(answer.text.strip())


def best_so_far(answers: Sequence[Answer]) -> Answer | None:
    """The last valid one: later steps rest on earlier ones. Else the last that says anything, else the last."""
    for fits in (valid, lambda answer: bool(answer.text.strip()), lambda _: True):
        found = next((answer for answer in reversed(answers) if fits(answer)), None)
        if found is not None:
            return found
    return None
