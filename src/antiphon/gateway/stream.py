"""A streamed answer on its way to the caller. Its work is done inside the read that brings the bytes."""

from functools import partial

from antiphon.calls.answer import Started
from antiphon.calls.attempt import Try
from antiphon.calls.course import Answered
from antiphon.calls.story import Story, Telling
from antiphon.core.error import AntiphonError, UpstreamError
from antiphon.core.ports import Inbound, Reply
from antiphon.core.usage import Usage
from antiphon.gateway.house import Process, Revision
from antiphon.gateway.record import close
from antiphon.routing.route import Route
from antiphon.wire.openai_chat.continued import Continued, so_far

MOST_KEPT_BYTES = 4_194_304
"""Most bytes of a stream that are kept so that another deployment could go on from them."""


class Stream:
    """Relays one answer, from one deployment or from several that go on from each other."""

    def __init__(self, story: Story, route: Route, process: Process, revision: Revision, reply: Reply) -> None:
        self._story = story
        self._process = process
        self._revision = revision
        self._reply = reply
        self._keep = 0 if story.masked else revision.capture_most_bytes
        self._sent: bytearray | None = bytearray() if route.on_cut == "continue" else None
        """What was released, as far as another deployment could go on from it; None: none is to, or none can."""
        self._parts: list[tuple[Usage | None, int | None]] = []
        """Usage and cost of the parts that broke off."""
        self._last: bytes | None = None
        """What ends the stream, while something has to be waited for; None: that isn't so, or it hasn't come."""
        self._continued: Continued | Telling | None = None
        self._telling = story.progress if story.progress is not None and story.progress.rewrites else None
        if self._telling is not None:
            self._continued = self._telling

    async def run(self, answered: Answered, started: Started) -> None:
        """Relay to the end. Raises: AntiphonError, when the answer broke off and nobody goes on with it."""
        while True:
            try:
                await self._relay(answered.attempt, started)
            except UpstreamError as caught:
                if self._story.closed:
                    return
                attempt, relay = answered.attempt, started.relay
                error = self._process.caller.judged(attempt, caught)
                self._process.caller.failed(attempt, error, relay.usage, output_tokens=relay.events, cut=not relay.done)
                self._tell(attempt, started)
                self._note(started)
                self._parts.append((attempt.usage, attempt.cost_nano_usd))
                answered, started = await self._go_on(answered, error)
            else:
                return

    async def _go_on(self, answered: Answered, error: AntiphonError) -> tuple[Answered, Started]:
        """Have another deployment go on. Raises: the error, when none can."""
        request, sent = self._story.request, self._sent
        known = request is not None and request.head.dialect == "openai_chat" and request.head.answers == 1
        start = so_far(bytes(sent)) if sent and known else None
        if start is None:
            raise error
        following = await answered.course.go_on(error, answered.attempt, start.text)
        if not isinstance(following.answer, Started):
            raise error
        self._continued, self._telling = Continued(start), None
        self._story.notes = (
            *self._story.notes,
            f"stream: {following.attempt.name} went on after {answered.attempt.name} broke off",
        )
        return following, following.answer

    async def _relay(self, attempt: Try, started: Started) -> None:
        inbound, relay = attempt.inbound, started.relay
        if inbound is None:
            raise ValueError("an attempt that was answered has an answer")
        self._reply.on_pressure(inbound.pause)
        try:
            await self._pass(attempt, started, inbound)
        except UpstreamError:
            raise  # whoever runs it sees whether another goes on
        except BaseException:
            if not (self._story.closed or attempt.settled):
                self._settle(attempt, started, cut=not started.relay.done)  # the caller left, or the record failed
                self._note(started)
            raise
        finally:
            self._reply.on_pressure(None)
            inbound.close()
        if not self._story.closed:
            self._finish(attempt, started, self._rewritten(relay.end()) if self._last is None else self._last)

    async def _pass(self, attempt: Try, started: Started, inbound: Inbound) -> None:
        """Release what was held, then every piece within the read that brings it."""
        self._story.losses += attempt.losses
        self._seen(attempt, started)
        held = self._rewritten(started.held())
        if started.ended:
            self._end(attempt, started, held)
        else:
            self._release(attempt, started, held)
        relay, write, story = started.relay, self._reply.write, self._story
        feed, kept = relay.feed, bool(self._keep) or self._sent is not None or self._continued is not None

        def take(piece: bytes) -> None:
            out = feed(piece)
            if kept or not story.begun or relay.done or relay.failure is not None or story.first_token_us is None:
                self._seen(attempt, started)
                self._release(attempt, started, out if self._continued is None else self._continued.rewrite(out))
            elif out:  # amid the answer: what nearly every event does
                write(out)

        await inbound.relay(take)
        if self._reply.waits and not self._story.closed:
            self._last = (self._last or b"") + self._rewritten(relay.end())
            await self._reply.settled(self._last)

    def _seen(self, attempt: Try, started: Started) -> None:
        """Note when the first content came."""
        story = self._story
        if story.first_token_us is None and started.relay.content_seen:
            now_s = self._process.caller.now()
            attempt.first_token(now_s)
            story.first_token_us = int((now_s - story.started_s) * 1e6)

    def _release(self, attempt: Try, started: Started, out: bytes) -> None:
        """Let a piece go; the last one waits for the record. Raises: what the upstream's stream says went wrong."""
        relay = started.relay
        if relay.done and relay.failure is None:
            if not self._story.closed:
                self._end(attempt, started, out)
            return
        if out:
            self._begin(attempt)
            self._keep_of(out)
            self._reply.write(out)
        if relay.failure is not None:
            raise relay.failure

    def _end(self, attempt: Try, started: Started, last: bytes) -> None:
        """Nothing comes behind this piece: it goes now, or once nothing has to be waited for."""
        if self._reply.waits:
            self._last = (self._last or b"") + last
        else:
            self._finish(attempt, started, last)

    def _rewritten(self, piece: bytes) -> bytes:
        return piece if self._continued is None else self._continued.rewrite(piece)

    def _keep_of(self, piece: bytes) -> None:
        """Keep what goes out, where something asks for it."""
        if self._keep and len(self._story.answer) <= self._keep:
            self._story.answer += piece
        if self._sent is not None:
            self._sent += piece
            if len(self._sent) > MOST_KEPT_BYTES:
                self._sent = None

    def _begin(self, attempt: Try) -> None:
        if not self._story.begun:
            self._story.begun = True
            self._reply.begin(self._story.serves(attempt))

    def _finish(self, attempt: Try, started: Started, last: bytes) -> None:
        """The answer is whole: settle, record, then let its end go."""
        self._begin(attempt)
        if self._telling is not None:
            last += self._telling.rest()
        self._keep_of(last)
        self._settle(attempt, started)
        self._reply.keep(last)
        close(self._story, self._process, self._revision, "ok", 200, None, release=partial(self._reply.end, last))

    def _note(self, started: Started) -> None:
        if self._story.begun:
            self._story.notes = (*self._story.notes, f"stream: {started.relay.events} events were released")

    def _settle(self, attempt: Try, started: Started, *, cut: bool = False) -> None:
        relay = started.relay
        relay.tell()
        attempt.service = relay.service
        self._process.caller.settle(attempt, relay.usage, output_tokens=relay.events, cut=cut)
        self._tell(attempt, started)

    def _tell(self, attempt: Try, started: Started) -> None:
        """Let the story know what the upstream said of its answer so far."""
        story, relay = self._story, started.relay
        story.served, story.served_model, story.fingerprint = attempt, relay.model, relay.fingerprint
        story.usage = attempt.usage
        story.cost_nano_usd = attempt.cost_nano_usd if attempt.usage is not None else None
        story.losses += relay.losses
        if self._telling is not None:
            story.losses += self._telling.losses()
        if relay.usage_note:
            story.notes = (*story.notes, f"usage: {relay.usage_note}")
        for usage, cost in self._parts:
            if story.usage is None or usage is None:
                story.usage = story.cost_nano_usd = None
                return
            story.usage += usage
            story.cost_nano_usd = None if cost is None or story.cost_nano_usd is None else story.cost_nano_usd + cost
