"""Commands for agents and their runs, with their arguments and options."""

from collections.abc import Callable
from functools import partial

from antiphon.cli import commands_admin, values
from antiphon.cli.parser import Parser

STATUSES = ("queued", "running", "waiting", "paused", "done", "failed", "cancelled")
RUN = "the run's id"
Where = Callable[[Parser], None]


def agent(one: Parser, *, where: Where) -> None:
    """`where` adds the options of a command that asks a gateway."""
    one.beneath(
        ("list", "list the agents that this key may ask for", partial(_list, where=where)),
        ("run", "begin a run of an agent and follow it to its answer", partial(_run, where=where)),
        ("ps", "list runs", partial(_ps, where=where)),
        (
            "show",
            "show a run: what it was given, what it used, what it waits for",
            partial(_of, where=where, verb="show"),
        ),
        ("logs", "print what happened in a run", partial(_logs, where=where)),
        ("attach", "follow a run that was begun before to its answer", partial(_of, where=where, verb="attach")),
        ("inbox", "list runs that wait for people", partial(_inbox, where=where)),
        ("answer", "answer the question, review or hand-off that a run waits for", partial(_answer, where=where)),
        ("approve", "say yes to the action that a run waits with", partial(_settle, where=where, verb="approve")),
        ("reject", "say no to the action that a run waits with", partial(_settle, where=where, verb="reject")),
        ("say", "say something to a run while it works", partial(_say, where=where)),
        ("cancel", "end a run at its next step", partial(_why, where=where, verb="cancel")),
        ("kill", "end a run at once", partial(_why, where=where, verb="kill")),
        ("pause", "stop a run at its next step", partial(_why, where=where, verb="pause")),
        ("resume", "go on with a paused run", partial(_of, where=where, verb="resume")),
        ("take-over", "take a run over by hand", partial(_of, where=where, verb="take-over")),
        ("give-back", "give a run back, with what was done by hand", partial(_give, where=where)),
        ("fork", "begin a new run from before a step of another", partial(_fork, where=where)),
        ("memories", "list what an agent remembers of you, your session, your team", partial(_memories, where=where)),
        ("forget", "erase a memory of an agent", partial(_forget, where=where)),
        ("triggers", "list triggers and what began no run, at the admin API", _triggers),
        ("package", "pack documents into one file, with their digests", _package),
        ("unpack", "check a package against its digests and write its documents", _unpack),
    )


def _json(one: Parser, shape: str) -> None:
    one.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    one.epilog = f"With --json: {shape}"


def _list(one: Parser, *, where: Where) -> None:
    one.runs("agent", "list")
    where(one)
    _json(one, "the answer of GET /v1/agents.")


def _run(one: Parser, *, where: Where) -> None:
    one.runs("agent_run", "run")
    one.add_argument("name", help="the agent")
    one.add_argument("goal", nargs="?", help="what it is to do (default: read stdin, where no --input is given)")
    one.add_argument("--input", metavar="FILE", help="JSON file with the whole input, in place of a goal")
    one.add_argument("--agent-version", default="", metavar="VERSION", help="of this version (default: the newest)")
    one.add_argument("--session", type=values.name, help="name of the session that it belongs to")
    one.add_argument("--once", type=values.name, help="idempotency key: the same again finds the same run")
    one.add_argument("--priority", type=values.whole(1, 9), default=5, help="1 first, 9 last (default: %(default)s)")
    one.add_argument("--detach", action="store_true", help="print the run's id and don't wait")
    one.add_argument(
        "--timeout", type=values.seconds, default=3600.0, help="seconds that it is followed (default: %(default)g)"
    )
    where(one)
    _json(one, "the run, as GET /v1/runs/{id} gives it. Exit code 1 where it gave no answer, also where it waits.")


def _ps(one: Parser, *, where: Where) -> None:
    one.runs("agent", "ps")
    one.add_argument("--agent", default="", help="of this agent alone")
    one.add_argument("--status", choices=STATUSES, action="append", help="of this status; may be given several times")
    one.add_argument("--limit", type=values.whole(1, 1000), default=50, help="most runs (default: %(default)s)")
    where(one)
    _json(one, "the answer of GET /v1/runs.")


def _of(one: Parser, *, where: Where, verb: str) -> None:
    one.runs("agent_run" if verb == "attach" else "agent", verb)
    one.add_argument("run", help=RUN)
    if verb == "attach":
        one.add_argument(
            "--timeout", type=values.seconds, default=3600.0, help="seconds that it is followed (default: %(default)g)"
        )
    where(one)
    _json(one, "the run, as GET /v1/runs/{id} gives it.")


def _logs(one: Parser, *, where: Where) -> None:
    one.runs("agent_run", "logs")
    one.add_argument("run", help=RUN)
    one.add_argument("--follow", action="store_true", help="go on until the run ends, through its waits too")
    one.add_argument("--after", type=values.whole(0, 2**62), default=0, help="after the event of this number")
    one.add_argument(
        "--timeout", type=values.seconds, default=86_400.0, help="seconds that it is followed (default: %(default)g)"
    )
    where(one)
    _json(one, "{data: [{seq, kind, at, at_ns, body}]}.")


def _inbox(one: Parser, *, where: Where) -> None:
    one.runs("agent", "inbox")
    where(one)
    _json(one, "the answer of GET /v1/inbox.")


def _answer(one: Parser, *, where: Where) -> None:
    one.runs("agent", "answer")
    one.add_argument("run", help=RUN)
    one.add_argument("body", help="the answer: JSON where it is that, else a text")
    one.add_argument("--wait", metavar="KEY", default="", help="key of the wait (default: the one that it waits in)")
    where(one)
    _json(one, "the run.")


def _settle(one: Parser, *, where: Where, verb: str) -> None:
    one.runs("agent", verb)
    one.add_argument("run", help=RUN)
    one.add_argument("--note", help="why; whoever asked is shown it")
    one.add_argument(
        "--admin-url",
        type=values.url,
        help="the admin API (default: the variable ANTIPHON_ADMIN_URL, else the gateway of the configuration)",
    )
    one.add_argument(
        "--admin-key", metavar="KEY", type=values.key, help="admin key (default: the variable ANTIPHON_ADMIN_KEY)"
    )
    one.add_argument(
        "--config", metavar="FILE", help="configuration (default: ./antiphon.yaml, else the built-in quickstart)"
    )
    where(one)
    _json(one, "the approval, as the admin API gives it.")


def _say(one: Parser, *, where: Where) -> None:
    one.runs("agent", "say")
    one.add_argument("run", help=RUN)
    one.add_argument("message", help="what to say")
    where(one)
    _json(one, "the run.")


def _why(one: Parser, *, where: Where, verb: str) -> None:
    one.runs("agent", verb)
    one.add_argument("run", help=RUN)
    one.add_argument("--why", default="", help="the reason, which is kept with the run")
    where(one)
    _json(one, "the run.")


def _give(one: Parser, *, where: Where) -> None:
    one.runs("agent", "give-back")
    one.add_argument("run", help=RUN)
    one.add_argument("done", help="what was done by hand; the agent reads it first")
    where(one)
    _json(one, "the run.")


def _fork(one: Parser, *, where: Where) -> None:
    one.runs("agent", "fork")
    one.add_argument("run", help=RUN)
    one.add_argument(
        "--step", type=values.whole(1, 100_000), required=True, help="step of its last part, counted from 1"
    )
    where(one)
    _json(one, "the new run.")


def _memories(one: Parser, *, where: Where) -> None:
    one.runs("agent_kept", "memories")
    one.add_argument("name", help="the agent")
    one.add_argument("--session", type=values.name, help="those of this session too")
    where(one)
    _json(one, "the answer of GET /v1/memories.")


def _forget(one: Parser, *, where: Where) -> None:
    one.runs("agent_kept", "forget")
    one.add_argument("name", help="the agent")
    one.add_argument("memory", help="the memory's id")
    one.add_argument("--session", type=values.name, help="the session that it is of")
    where(one)
    _json(one, "{id, object, deleted}.")


def _triggers(one: Parser) -> None:
    one.runs("agent_kept", "triggers")
    one.add_argument("name", nargs="?", help="list this trigger's dead letters")
    what = one.add_mutually_exclusive_group()
    what.add_argument("--revive", metavar="EVENT", help="try this dead letter again")
    what.add_argument("--forget", metavar="EVENT", help="drop this dead letter")
    commands_admin.where(one)
    one.epilog = "With --json: the admin API's answer: {data: [...], next} of lists."


def _package(one: Parser) -> None:
    one.runs("agent_package", "package")
    one.add_argument("files", nargs="+", metavar="FILE", help="files of documents, or patterns of them")
    one.add_argument("--out", metavar="FILE", required=True, help="file to write, such as complaints.tar.gz")
    _json(one, "{file, digest, documents: [{id, digest}]}.")


def _unpack(one: Parser) -> None:
    one.runs("agent_package", "unpack")
    one.add_argument("file", metavar="FILE", help="the package")
    one.add_argument("--to", metavar="FOLDER", required=True, help="folder to write the documents to")
    one.add_argument("--digest", default="", help="SHA-256 that the package must have")
    _json(one, "{folder, digest, documents: [{id, digest}]}.")
