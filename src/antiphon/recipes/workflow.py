"""Steps that rest on each other's answers: each begins as soon as what it waits for is there, and a last one writes what
the caller gets.
"""

from collections.abc import Mapping

from msgspec.structs import replace

from antiphon.core.content import Content
from antiphon.core.error import AntiphonError, ContractViolated
from antiphon.core.receipt import Noted
from antiphon.recipes.pick import valid
from antiphon.recipes.port import Answer, Asked, Calls, Question
from antiphon.recipes.prompts_workflow import PLAN_AGAIN, PLAN_FORM
from antiphon.recipes.say import aside, onward, plain
from antiphon.recipes.settings_workflow import (
    FINAL_STEP,
    PLANNER,
    FinalStep,
    PlannerSettings,
    WorkflowSettings,
    WorkStep,
)
from antiphon.recipes.shape import again
from antiphon.recipes.watch import FELL_BACK
from antiphon.recipes.workflow_graph import Running
from antiphon.recipes.workflow_plan import Plan, read, steps_of
from antiphon.recipes.workflow_told import Told


async def run(settings: WorkflowSettings, question: Question, calls: Calls) -> Answer:
    """Run the steps, then the final one.

    Raises: AntiphonError, when no step gave an answer, or when one failed that must not.
    """
    if settings.on_tool_results == "final" and settings.final is not None and _goes_on(question):
        calls.note(Noted(step=FINAL_STEP, what="goes_on", why="the request ends with results of tools"))
        return await calls.final(Asked(step=FINAL_STEP, seat=settings.final.seat))
    steps, asks_as = await _steps(settings, question, calls)
    running = Running(settings, steps, asks_as, question, calls)
    ended = await running.run()
    if ended is not None:
        return ended
    if settings.final is None:
        last = running.found[steps[-1].name].answer
        if last is not None and valid(last):
            return last
        return _best(steps, running, calls, "the last step gave no answer", None)
    return await _final(settings.final, steps, running, question, calls)


def _goes_on(question: Question) -> bool:
    messages = question.content.messages
    return bool(messages) and messages[-1].role in {"tool", "function"}


async def _steps(
    settings: WorkflowSettings, question: Question, calls: Calls
) -> tuple[list[WorkStep], Mapping[str, str]]:
    """The steps, and which step of the recipe's shape each is asked as, where that has another name."""
    planner = settings.planner
    if planner is None:
        return settings.listed, {}
    plan = await _plan(planner, question, calls)
    if plan is not None:
        return steps_of(plan, planner), {step.name: step.worker for step in plan.steps}
    if settings.listed:
        return settings.listed, {}
    name, worker = next(iter(planner.workers.items()))
    return [WorkStep(name=name, seat=worker.seat)], {name: name}


async def _plan(planner: PlannerSettings, question: Question, calls: Calls) -> Plan | None:
    """A valid plan; None: there is none, and the fallback is taken."""
    workers = "\n".join(f"- {name}: {worker.does or 'any task'}" for name, worker in planner.workers.items())
    content = aside(
        question.content,
        f"{planner.prompt}\n\n{PLAN_FORM.format(workers=workers, most_steps=planner.most_steps)}",
        output_tokens=planner.output_tokens,
    )
    for number in (1, 2):
        asked = Asked(step=again(PLANNER, number), seat=planner.seat, content=content, timeout_s=planner.timeout_s)
        try:
            answer = await calls.ask(asked)
        except AntiphonError as error:
            calls.note(Noted(step=PLANNER, what=FELL_BACK, why=error.said_code))
            return None
        plan = read(answer.text, planner)
        if not plan.mistakes:
            calls.note(Noted(step=PLANNER, what="planned", why=plan.told()))
            return plan
        calls.note(Noted(step=PLANNER, what="invalid", why=f"{len(plan.mistakes)} mistakes in its plan"))
        content = _sent_back(content, answer.text, plan)
    calls.note(Noted(step=PLANNER, what=FELL_BACK, why="neither of its plans keeps the bounds"))
    return None


def _sent_back(content: Content, said: str, plan: Plan) -> Content:
    mistakes = "\n".join(f"- {mistake}" for mistake in plan.mistakes)
    told = (plain(said or "(nothing)", "assistant"), plain(PLAN_AGAIN.format(mistakes=mistakes)))
    return replace(content, messages=(*content.messages, *told))


async def _final(final: FinalStep, steps: list[WorkStep], running: Running, question: Question, calls: Calls) -> Answer:
    seen = final.sees if final.sees is not None else [step.name for step in steps if not step.verifies]
    told = Told(question, running.found)
    text = told.text(final.prompt, seen)
    shorter = told.text(final.prompt, seen, shortened=True)
    asked = Asked(
        step=FINAL_STEP,
        seat=final.seat,
        content=onward(question.content, text),
        stands_in=None if shorter == text else onward(question.content, shorter),
    )
    try:
        answer = await calls.final(asked)
    except AntiphonError as error:
        return _best(steps, running, calls, error.said_code, error)
    if valid(answer) or not any(_answers(steps, running)):
        return answer
    return _best(steps, running, calls, "it gave no whole answer", None)


def _best(steps: list[WorkStep], running: Running, calls: Calls, why: str, error: AntiphonError | None) -> Answer:
    """The last step's answer that is whole. Raises: AntiphonError, when there is none."""
    calls.note(Noted(step=FINAL_STEP, what=FELL_BACK, why=why))
    found = _answers(steps, running)
    if not found:
        raise error or running.error or ContractViolated("no step of the workflow gave an answer")
    return found[-1]


def _answers(steps: list[WorkStep], running: Running) -> list[Answer]:
    """Whole answers, those that rest on others behind them."""
    answers = [running.found[name].answer for name in running.order if name in running.found]
    judges = {step.name for step in steps if step.verifies}
    return [one for one in answers if one is not None and valid(one) and one.step not in judges]
