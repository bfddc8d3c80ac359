"""Which of several answers is the best so far, where nothing judged them."""

from collections.abc import Sequence

from antiphon.recipes.port import Answer


def valid(answer: Answer) -> bool:
    """It says something, and wasn't cut off or held back."""
    choices = answer.response.choices
    if answer.streams:
        return True
    if not choices or choices[0].finish_reason in {"content_filter", "length"}:
        return False
    return answer.calls_tools or bool(answer.text.strip())


def best_so_far(answers: Sequence[Answer]) -> Answer | None:
    """The last valid one: later steps rest on earlier ones. Else the last that says anything, else the last."""
    last = tuple(reversed(answers))
    fit = [answer for answer in last if valid(answer)] or [answer for answer in last if answer.text.strip()] or last
    return fit[0] if fit else None
