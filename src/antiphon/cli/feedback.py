"""`antiphon feedback`."""

import asyncio
from argparse import Namespace

import msgspec

from antiphon.cli import text
from antiphon.cli.exits import Exit
from antiphon.cli.http import Address, address, connected
from antiphon.cli.terminal import document, put
from antiphon.control.scoring import Told
from antiphon.core.error import UpstreamMalformed


def run(arguments: Namespace) -> int:
    """Say how good the answer of a request was."""
    body: dict[str, object] = {"receipt": arguments.id, "source": arguments.source}
    body |= {"score": arguments.score} if arguments.score is not None else {"good": arguments.good}
    if arguments.note:
        body["note"] = arguments.note
    where = address(arguments)
    said = asyncio.run(_given(where, msgspec.json.encode(body)))
    try:
        told = msgspec.json.decode(said, type=Told)
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed(f"{where.url} took no score that can be read ({error}); check --url") from error
    if arguments.json:
        document(msgspec.json.decode(said))
    else:
        put("\n".join(page(told)))
    return Exit.OK


async def _given(where: Address, body: bytes) -> bytes:
    async with connected(where) as gateway:
        return await gateway.ask("POST", "/v1/feedback", body, {"Content-Type": "application/json"})


def page(told: Told) -> list[str]:
    """A score, and who it is of."""
    return text.pairs(
        [
            ("score", f"{told.score:g} by {told.by} ({told.source}), {told.at}"),
            ("receipt", told.receipt),
            ("deployment", told.deployment),
            ("route", told.route),
            ("task", told.task),
            ("note", told.note),
        ]
    )
