"""A recipe's run for a caller: what is told on the way, and whose answer goes out."""

from antiphon.calls.ask import Ask
from antiphon.calls.caller import Caller
from antiphon.calls.counting import Counting
from antiphon.calls.course import Answered
from antiphon.calls.story import Story
from antiphon.core.arrival import NO_HEADERS
from antiphon.core.clock import Clock
from antiphon.core.ports import Reply, Served
from antiphon.recipes.inner import chat_codec
from antiphon.recipes.progress import Progress
from antiphon.recipes.teams import Team, play

NS = 1_000_000_000


async def perform(
    team: Team, story: Story, ask: Ask, caller: Caller, counting: Counting | None, clock: Clock, reply: Reply
) -> Answered:
    """Run a recipe. Returns: the call whose answer goes out; the story knows what is said in its place, if anything is.

    Raises: AntiphonError subclasses.
    """
    head = ask.request.head
    codec = chat_codec(head)
    assert codec is not None

    def write(piece: bytes) -> None:
        if not story.begun:
            story.begun = True
            lines = story.header_lines()
            reply.begin(Served(story.arrival.id, team.recipe.name, NO_HEADERS, lines, codec.streams))
        reply.write(piece)

    kind = team.telling(story.arrival.headers, head)
    story.lines += b"x-antiphon-recipe: %b\r\n" % team.recipe.name.encode("ascii", "replace")
    story.progress = Progress(kind, head, codec, story.arrival.id, clock.now_ns() // NS, write)
    answered, story.instead = await play(team, caller, story, ask, story.progress.note, counting)
    used = story.used
    if used is not None and not head.stream:
        said = len(story.attempts), used.input_tokens, used.output_tokens
        story.lines += b"x-antiphon-used: attempts=%d; input=%d; output=%d\r\n" % said
    story.stopped = ""  # of a call that failed on the way
    return answered
