"""`antiphon spend`."""

import asyncio
import time
from argparse import Namespace
from urllib.parse import urlencode

import msgspec

from antiphon.app.reporting import spending_of
from antiphon.cli import spend_page
from antiphon.cli.configured import configured
from antiphon.cli.exits import Exit
from antiphon.cli.http import Address, address, connected
from antiphon.cli.terminal import document, put
from antiphon.control.spend import Report, report
from antiphon.control.spend_asked import Asked
from antiphon.core.error import UpstreamMalformed
from antiphon.core.spend import Spending
from antiphon.store.parquet_place import Place
from antiphon.store.reports_duckdb import ParquetSpending


def run(arguments: Namespace) -> int:
    """Report."""
    if arguments.url and arguments.place:
        arguments.parser.error("--from reads files here: leave --url out")
    asked = Asked(
        by=arguments.by,
        since=arguments.since,
        until=arguments.until,
        tenant=arguments.tenant,
        forecast=arguments.forecast,
        anomalies=arguments.anomalies,
    )
    if arguments.url:
        found = asyncio.run(_fetched(address(arguments), asked))
    else:
        found = report(_spending(arguments), asked, None, time.time_ns(), arguments.timeout, most=arguments.lines)
    match arguments.format:
        case "json":
            document(msgspec.to_builtins(found))
        case "csv":
            put(spend_page.comma_separated(found))
        case _:
            put("\n".join(spend_page.page(found)))
    return Exit.OK


def _spending(arguments: Namespace) -> Spending:
    if arguments.place:
        return ParquetSpending(Place(arguments.place))
    return spending_of(configured(arguments).settings)


async def _fetched(where: Address, asked: Asked) -> Report:
    texts = {name: getattr(asked, name) for name in ("by", "since", "until", "tenant")}
    flags = {name: "true" for name in ("forecast", "anomalies") if getattr(asked, name)}
    query = urlencode({name: text for name, text in {**texts, **flags}.items() if text})
    async with connected(where) as gateway:
        body = await gateway.get(f"/v1/spend?{query}" if query else "/v1/spend")
    try:
        return msgspec.json.decode(body, type=Report)
    except msgspec.MsgspecError as error:
        raise UpstreamMalformed(f"{where.url} gave no report that can be read ({error}); check --url") from error
