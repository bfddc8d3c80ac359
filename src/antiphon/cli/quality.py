"""`antiphon quality`."""

import asyncio
from argparse import Namespace
from urllib.parse import quote

import msgspec

from antiphon.cli import text
from antiphon.cli.exits import Exit
from antiphon.cli.http import Address, address, connected
from antiphon.cli.terminal import document, put, say
from antiphon.control.scoring import Listed
from antiphon.core.error import UpstreamMalformed
from antiphon.core.view import Quality

HEAD = ("DEPLOYMENT", "ROUTE", "TASK", "QUALITY", "95 %", "SCORES")


def run(arguments: Namespace) -> int:
    """List how good deployments are, by scores of their answers."""
    where = address(arguments)
    body = asyncio.run(_listed(where, arguments.tenant))
    try:
        found = msgspec.json.decode(body, type=Listed)
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed(f"{where.url} gave no qualities that can be read ({error}); check --url") from error
    if arguments.json:
        document(msgspec.json.decode(body))
    elif found.data:
        put("\n".join(text.table(map(_row, found.data), HEAD)))
    else:
        say("nothing was scored yet; see `antiphon feedback`")
    return Exit.OK


async def _listed(where: Address, tenant: str) -> bytes:
    async with connected(where) as gateway:
        return await gateway.get(f"/v1/quality?tenant={quote(tenant, safe='')}" if tenant else "/v1/quality")


def _row(one: Quality) -> tuple[str, ...]:
    return (
        one.deployment,
        one.route,
        one.task or "(all)",
        f"{one.mean:.3f}",
        f"{one.low:.3f} to {one.high:.3f}",
        f"{one.count:.1f}",
    )
