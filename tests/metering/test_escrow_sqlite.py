"""Workers with threads of their own, on one database."""

import asyncio
from contextlib import closing
from pathlib import Path

from receipts import ALICE

from antiphon.core.budget import Budget, Window
from antiphon.core.clock import SystemClock
from antiphon.core.deployment import Deployment
from antiphon.core.error import BudgetExceeded
from antiphon.core.money import NanoUsd
from antiphon.core.ticket import Bound, Short, Whose
from antiphon.core.usage import Usage
from antiphon.metering.escrow import Escrow
from antiphon.metering.settings import MeteringSettings
from antiphon.metering.tickets import EscrowTickets
from antiphon.store.bank_sqlite import SqliteBank
from antiphon.store.sqlite import SqliteDatabase

BUDGET = Budget(name="b", measure="money", limit=2_000, window=Window(period="total"))
WHOSE = Whose(principal=ALICE, model="m", route="m")
ONE = Deployment(name="one", provider="here", model="m")
BOUND = Bound(money_nano_usd=NanoUsd(10), tokens=1)


def test_workers_that_ask_at_once_use_just_what_there_is(tmp_path: Path) -> None:
    async def request(tickets: EscrowTickets) -> int:
        loop, tab = asyncio.get_running_loop(), tickets.open(WHOSE)
        while True:
            try:
                ticket = tickets.reserve(tab, ONE, BOUND)
            except Short as short:
                try:
                    await tickets.refill(short, loop.time() + 60)
                except BudgetExceeded:
                    return 0
                continue
            await asyncio.sleep(0)
            tickets.settle(ticket, Usage(), 10)
            return 1

    async def tell() -> None:
        served = 0
        with closing(SqliteDatabase(tmp_path)), closing(SqliteBank(tmp_path)) as bank:
            escrows = [Escrow(bank, f"w-{number}", SystemClock(), MeteringSettings(wait_s=2.0)) for number in range(3)]
            workers = [EscrowTickets(f"w-{number}", escrow, [BUDGET]) for number, escrow in enumerate(escrows)]
            for escrow in escrows:
                escrow.start()
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(request(workers[number % 3])) for number in range(300)]
            served = sum(task.result() for task in tasks)
            for escrow in escrows[1:]:
                await escrow.stop()
            while await request(workers[0]):
                served += 1
            await escrows[0].stop()
            (balance,) = bank.balances(["b|acme|acme"], SystemClock().now_ns())
        assert served == 200
        assert (balance.spent, balance.held) == (0, 2_000)

    asyncio.run(tell())
