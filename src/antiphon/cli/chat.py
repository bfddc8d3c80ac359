"""`antiphon chat`: one question, or a conversation on a terminal."""

import asyncio
import sys
import uuid
from argparse import Namespace
from contextlib import suppress
from importlib import import_module

from msgspec.structs import replace

from antiphon.cli.ask import Answered, Ears, Message, Question, ask
from antiphon.cli.exits import Exit
from antiphon.cli.failure import failed
from antiphon.cli.http import Address, address, connected
from antiphon.cli.terminal import aside, clean, dim, document, say
from antiphon.cli.took import no_answer, summary, taken
from antiphon.core.error import AntiphonError

QUIT = "/quit"


def run(arguments: Namespace) -> int:
    """Ask what the command line or stdin says; without either, converse."""
    where = replace(address(arguments), timeout_s=arguments.timeout)
    system: tuple[Message, ...] = ({"role": "system", "content": arguments.system},) if arguments.system else ()
    question = Question(
        model=arguments.model, messages=system, max_tokens=arguments.max_tokens, session=arguments.session or ""
    )
    if arguments.prompt is None and sys.stdin.isatty() and sys.stdout.isatty() and not arguments.json:
        return _converse(where, question)
    prompt = arguments.prompt if arguments.prompt is not None else sys.stdin.read().removesuffix("\n")
    if not prompt.strip():
        arguments.parser.error("there is nothing to ask: give a prompt, or write one to stdin")
    answered = _ask(where, _and(question, "user", prompt), quiet=arguments.json)
    if arguments.json:
        document(taken(answered))
    if answered.last_resort:
        aside(no_answer(answered))
        return Exit.UPSTREAM
    if not arguments.json:
        aside(summary(answered))
    return Exit.OK


def _converse(where: Address, question: Question) -> int:
    """Ask line by line; what was said before goes along."""
    with suppress(ImportError):
        import_module("readline")  # makes `input` edit its line
    question = replace(question, session=question.session or f"chat-{uuid.uuid4()}")
    aside(f"{question.model} at {where.url}, session {question.session}; {QUIT} ends")
    while True:
        try:
            prompt = input("> ")
        except EOFError:
            say("")
            return Exit.OK
        if prompt.strip() == QUIT:
            return Exit.OK
        if not prompt.strip():
            continue
        asked = _and(question, "user", prompt)
        try:
            answered = _ask(where, asked, quiet=False)
        except AntiphonError as error:
            failed(error, as_json=False)
        else:
            if answered.last_resort:
                aside(no_answer(answered))
                continue
            question = _and(asked, "assistant", answered.text)
            aside(summary(answered))


def _and(question: Question, role: str, content: str) -> Question:
    """The same question with one more message."""
    return replace(question, messages=(*question.messages, {"role": role, "content": content}))


def _ask(where: Address, question: Question, *, quiet: bool) -> Answered:
    """Ask, and show the answer as it comes. Raises: AntiphonError, KeyboardInterrupt."""
    voice = _Voice(quiet=quiet)

    async def whole() -> Answered:
        async with connected(where) as gateway:
            return await ask(gateway, question, Ears(text=voice.text, reasoning=voice.reasoning))

    try:
        return asyncio.run(whole())
    finally:
        voice.end()


class _Voice:
    """Writes an answer: text to stdout, reasoning to stderr where that is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._thinks = sys.stderr.isatty() and not quiet
        self._on_terminal = sys.stdout.isatty()
        self._last = ""
        self._thought = ""

    def text(self, piece: str) -> None:
        if self._quiet:
            return
        self._end_thought()
        self._last = piece
        sys.stdout.write(clean(piece) if self._on_terminal else piece)
        sys.stdout.flush()

    def reasoning(self, piece: str) -> None:
        if self._thinks:
            self._thought = piece
            sys.stderr.write(dim(clean(piece)))
            sys.stderr.flush()

    def _end_thought(self) -> None:
        if self._thought:
            sys.stderr.write("\n" if self._thought.endswith("\n") else "\n\n")
            self._thought = ""

    def end(self) -> None:
        """Begin a new line, whatever was written last."""
        self._end_thought()
        if self._last and not self._last.endswith("\n"):
            sys.stdout.write("\n")
            sys.stdout.flush()
