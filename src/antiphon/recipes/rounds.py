"""Answers of one round, as those see them who answer in the next; and the best of them, where nobody is to judge."""

from collections.abc import Sequence
from functools import partial
from random import Random
from typing import TypeVar

from msgspec.structs import replace

from antiphon.core.content import Content, Reasoning
from antiphon.recipes import members
from antiphon.recipes.ballot import Ballot, KeyOf, count
from antiphon.recipes.compaction import last_tokens
from antiphon.recipes.extract import key_of
from antiphon.recipes.likeness import medoid
from antiphon.recipes.port import Answer, Question
from antiphon.recipes.say import DATA, label, onward, quoted, shortened
from antiphon.recipes.settings_rounds import Compaction, RoundsSettings

_One = TypeVar("_One")


def keys(question: Question) -> KeyOf:
    """What answers to a request come to."""
    return partial(key_of, contract=question.contract, request=members.request_text(question.content))


def shuffled(answers: Sequence[_One], question: Question, place: int) -> list[_One]:
    """In an order that the request's seed and a place among its rounds give."""
    ordered = list(answers)
    Random(f"{question.seed}:{place}").shuffle(ordered)  # noqa: S311 -- the order of references is no secret
    return ordered


def told(
    settings: RoundsSettings, question: Question, prompt: str, answers: Sequence[Answer], *, own: Answer | None = None
) -> tuple[Content, Content | None]:
    """The caller's request with a prompt and answers behind it; and the same with less of each answer, for a seat that
    finds it too long.
    """
    whole = partial(_text, settings=settings, question=question, prompt=prompt, answers=answers, own=own)
    text = whole(settings.compaction)
    shorter = whole("ends") if settings.compaction == "full" else text
    content = question.content
    return onward(content, text), None if shorter == text else onward(content, shorter)


def _text(
    compaction: Compaction,
    *,
    settings: RoundsSettings,
    question: Question,
    prompt: str,
    answers: Sequence[Answer],
    own: Answer | None,
) -> str:
    shown = [(label(place), _shown(answer, compaction, settings, question)) for place, answer in enumerate(answers)]
    yours = next((f" Yours is {label(place)}." for place, answer in enumerate(answers) if answer is own), "")
    return f"{prompt}{yours} {DATA}\n\n{quoted(shown, seed=question.seed)}"


def _shown(answer: Answer, compaction: Compaction, settings: RoundsSettings, question: Question) -> str:
    text = answer.text
    if compaction == "extract":
        key = keys(question)(text)
        if key is not None:
            return key
    if settings.thoughts and (thoughts := _thoughts(answer)):
        text = f"{thoughts}\n\n{text}"
    match compaction:
        case "full":
            return text
        case "ends":
            return shortened(text, settings.reference_tokens)
        case "last" | "extract":
            return last_tokens(text, settings.reference_tokens)


def _thoughts(answer: Answer) -> str:
    parts = answer.message.parts if answer.response.choices else ()
    return "\n".join(part.text for part in parts if isinstance(part, Reasoning) and part.text)


def asked_with(
    settings: RoundsSettings, question: Question, content: Content, shorter: Content | None, *, several: bool
) -> tuple[Content, Content | None]:
    """What a member is asked, drawn as the settings say. `several`: it isn't the seat's only answer of its round."""

    def drawn(one: Content) -> Content:
        return members.said(settings, replace(question, content=one), several=several) or one

    return drawn(content), None if shorter is None else drawn(shorter)


def agreed(answers: Sequence[Answer], needed: int, question: Question) -> Answer | None:
    """The first of answers that all come to the same. None: they don't, or there are fewer than `needed`, or than two."""
    if len(answers) < max(needed, 2):
        return None
    key = keys(question)
    found = {key(answer.text) for answer in answers}
    return answers[0] if len(found) == 1 and None not in found else None


def best(answers: Sequence[Answer], question: Question, order: Sequence[str]) -> tuple[Answer, str, float]:
    """The answer that most come to; where nothing can be extracted, the one most like the others. Why, and how sure.

    Args:
        answers: One or more, in words.
        order: Steps as the recipe has them: it decides between equals.
    """
    ballot: Ballot = count(answers, keys(question), {}, order)
    if ballot.groups and (len(ballot.groups[0].answers) > 1 or len(answers) == 1):
        group = ballot.groups[0]
        read = sum(len(one.answers) for one in ballot.groups)
        return group.answers[0], f"{len(group.answers)} of {read} answers come to the same", ballot.share
    place, alike = medoid([answer.text for answer in answers])
    return answers[place], "the answer most like the others", alike
