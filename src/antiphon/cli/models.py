"""`antiphon models`."""

import asyncio
from argparse import Namespace

import msgspec

from antiphon.cli import text
from antiphon.cli.exits import Exit
from antiphon.cli.http import Address, address, connected
from antiphon.cli.terminal import document, put, say
from antiphon.control.catalogue import Listed, Page
from antiphon.core.error import UpstreamMalformed


def run(arguments: Namespace) -> int:
    """List the models that the key may ask for."""
    where = address(arguments)
    body = asyncio.run(_listed(where))
    try:
        page = msgspec.json.decode(body, type=Page)
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed(f"{where.url} gave no list of models ({error}); check --url") from error
    if arguments.json:
        document(msgspec.json.decode(body))
    elif page.data:
        head = ("MODEL", "TIERS", "CONTEXT", "OUTPUT", "ABOUT")
        put("\n".join(text.table(map(_row, page.data), head)))
    else:
        say(f"{where.url} offers no model to this key; see `keys` and `models` of its configuration")
    return Exit.OK


async def _listed(where: Address) -> bytes:
    async with connected(where) as gateway:
        return await gateway.get("/v1/models")


def _row(model: Listed) -> tuple[str, ...]:
    return (
        model.id,
        ", ".join(model.tiers) or "-",
        _limit(model.context_window),
        _limit(model.max_output_tokens),
        model.description,
    )


def _limit(tokens: int | None) -> str:
    return "-" if tokens is None else f"{tokens:,}"
