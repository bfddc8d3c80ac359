"""What a step of a workflow is told: its prompt, and the answers that it may see, as data."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from antiphon.core.content import Content
from antiphon.recipes.assign import alone, assigned, judging
from antiphon.recipes.members import request_text
from antiphon.recipes.port import Answer, Question
from antiphon.recipes.prompts_verdict import FORM
from antiphon.recipes.prompts_workflow import ANSWER, MISSING, OBJECT, SEEN, VERIFY, WORK
from antiphon.recipes.say import DATA, quoted
from antiphon.recipes.settings_workflow import WorkStep
from antiphon.recipes.template import STEP, fill, places, steps_in

SHORT_TOKENS = 500
"""Of each answer that is quoted, where a request was refused as too long."""


class Found(Struct, frozen=True, kw_only=True):
    """What came of a step."""

    answer: Answer | None = None
    """None: nothing, or only a judgement."""
    text: str = ""


class Told:
    """Writes what steps are told, from what has been found."""

    def __init__(self, question: Question, found: Mapping[str, Found]) -> None:
        self._question = question
        self._found = found

    def text(self, prompt: str, seen: Sequence[str], *, shortened: bool = False) -> str:
        """A prompt with its places filled, and the answers behind it that it doesn't quote itself."""
        most = SHORT_TOKENS if shortened else None
        values = {"request": request_text(self._question.content)} if "request" in places(prompt) else {}
        within = steps_in(prompt)
        values |= {STEP + name: self._quoted([name], most) for name in within}
        behind = [name for name in seen if name not in within]
        said = fill(prompt, values)
        if behind:
            return f"{said}\n\n{SEEN} {DATA}\n\n{self._quoted(behind, most)}"
        return f"{said}\n\n{DATA}" if within else said

    def work(self, step: WorkStep, *, shortened: bool = False) -> Content:
        """What a step is asked at first."""
        return self._content(step, self.text(step.prompt or ANSWER, step.seen, shortened=shortened), tools=step.tools)

    def verify(self, step: WorkStep, *, shortened: bool = False) -> Content:
        """What a verifier is asked."""
        seen = [name for name in step.seen if name != step.verifies]
        own = self.text(step.prompt, seen, shortened=shortened).strip()
        judged = self._quoted([step.verifies], SHORT_TOKENS if shortened else None)
        text = f"{own}\n\n{VERIFY.format(step=step.verifies)} {FORM}\n{DATA}\n\n{judged}".strip()
        content = self._question.content
        if not step.conversation:
            content = replace(content, messages=(), tools=None)
        return judging(content, text)

    def repair(self, step: WorkStep, objections: str, *, shortened: bool = False) -> Content:
        """What a step is asked whose answer was sent back."""
        task = self.text(step.prompt or ANSWER, step.seen, shortened=shortened)
        own = self._quoted([step.name], SHORT_TOKENS if shortened else None)
        against = quoted([("objections", objections)], seed=self._question.seed, kind="judgement")
        return self._content(step, f"{task}\n\n{OBJECT} {DATA}\n\n{own}\n\n{against}")

    def _content(self, step: WorkStep, text: str, *, tools: bool = False) -> Content:
        content = self._question.content
        if not step.conversation:
            return alone(content, text, tools=tools)
        return assigned(content, f"{WORK}\n\n{text}", tools=tools)

    def _quoted(self, names: Sequence[str], most_tokens: int | None) -> str:
        texts = [(name, found.text if (found := self._found.get(name)) and found.text else MISSING) for name in names]
        return quoted(texts, seed=self._question.seed, most_tokens=most_tokens, kind="result")
