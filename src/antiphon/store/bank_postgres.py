"""The bank in Postgres, which the workers of several gateways draw from."""

from collections.abc import Iterable, Sequence

from antiphon.core.bank import Bank, Grant, Want
from antiphon.core.budget import Account
from antiphon.core.ledger import Balance
from antiphon.store.booking_postgres import LOCK_ACCOUNTS
from antiphon.store.granting import ACCOUNTS, ANNOUNCE, USED_NS, State, accounts_values, announce_values, grant
from antiphon.store.postgres_link import Database, Link, PostgresPlace

_SPENT = """
    CASE rolling_ns WHEN 0 THEN accounts.spent ELSE (SELECT coalesce(sum(slots.spent), 0)::bigint FROM slots
        WHERE slots.key = accounts.key AND slots.slot_ns + slots.length_ns > %(now_ns)s - rolling_ns) END
"""
_NAMED = "(accounts.key, accounts.start_ns) IN (SELECT * FROM unnest(%(keys)s::text[], %(starts)s::bigint[]))"
_ACCOUNTS = """
    INSERT INTO accounts (key, start_ns, tenant, budget, measure, end_ns, rolling_ns, used_ns)
    SELECT *, %s FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
    ON CONFLICT (key, start_ns) DO UPDATE SET end_ns = excluded.end_ns, rolling_ns = excluded.rolling_ns
    WHERE (accounts.end_ns, accounts.rolling_ns) <> (excluded.end_ns, excluded.rolling_ns)
"""
_STATES = f"""
    SELECT accounts.key, accounts.start_ns, {_SPENT}, held, scarce_until_ns,
        (SELECT count(*) FROM leases AS other WHERE other.key = accounts.key AND other.start_ns = accounts.start_ns
            AND other.holder <> %(holder)s AND other.granted > other.used),
        coalesce(granted, 0), coalesce(ended, 0), coalesce(used, 0), end_ns, rolling_ns
    FROM accounts LEFT JOIN leases
        ON leases.holder = %(holder)s AND leases.key = accounts.key AND leases.start_ns = accounts.start_ns
    WHERE {_NAMED}
""".encode()  # noqa: S608 - the statements above alone
_STAND = f"""
    UPDATE accounts SET held = new.held, scarce_until_ns = new.scarce_until_ns, used_ns = %(now_ns)s
    FROM unnest(%(keys)s::text[], %(starts)s::bigint[], %(held)s::bigint[], %(scarce)s::bigint[])
        AS new (key, start_ns, held, scarce_until_ns)
    WHERE accounts.key = new.key AND accounts.start_ns = new.start_ns
        AND ((accounts.held, accounts.scarce_until_ns) <> (new.held, new.scarce_until_ns)
            OR accounts.used_ns < %(now_ns)s - {USED_NS})
""".encode()  # noqa: S608 - a number alone
_LEASES = """
    INSERT INTO leases (holder, key, start_ns, tenant, granted, ended)
    SELECT %s, * FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::bigint[], %s::bigint[])
    ON CONFLICT (holder, key, start_ns) DO UPDATE SET granted = excluded.granted, ended = excluded.ended
"""
_DONE = """
    DELETE FROM leases WHERE holder = %s AND ended > 0 AND ended = granted AND granted <= used
        AND (key, start_ns) IN (SELECT * FROM unnest(%s::text[], %s::bigint[]))
"""
_BALANCES = f"""
    SELECT key, start_ns, tenant, {_SPENT}, held FROM accounts
    WHERE key = ANY(%(keys)s) AND start_ns <= %(now_ns)s AND end_ns > %(now_ns)s ORDER BY key, start_ns
""".encode()  # noqa: S608 - the same
Name = tuple[str, int]


class PostgresBank(Bank):
    """One connection, which one thread at a time uses."""

    def __init__(self, place: PostgresPlace) -> None:
        """The database's tables have to be up to date. Connects at the first question."""
        self._home = place.home
        self._link = Link(place)

    def grant(self, holder: str, wants: Sequence[Want], now_ns: int) -> list[Grant]:
        return self._link.run(lambda database: self._grant(database, holder, wants, now_ns), "asked for leases")

    def _grant(self, database: Database, holder: str, wants: Sequence[Want], now_ns: int) -> list[Grant]:
        database.execute(
            "INSERT INTO holders (holder, home) VALUES (%s, %s) ON CONFLICT DO NOTHING", (holder, self._home)
        )
        asked = dict(sorted(((want.account.key, want.account.span.start_ns), want) for want in wants))
        states = _states(database, holder, asked, now_ns)
        before = {name: (state.granted, state.ended) for name, state in states.items()}
        grants = [grant(states[want.account.key, want.account.span.start_ns], want, now_ns) for want in wants]
        keys, starts = [key for key, _ in asked], [start_ns for _, start_ns in asked]
        some = [states[name] for name in asked]
        database.execute(
            _STAND,
            {
                "now_ns": now_ns,
                "keys": keys,
                "starts": starts,
                "held": [one.held for one in some],
                "scarce": [one.scarce_until_ns for one in some],
            },
        )
        leased = [(name, one) for name, one in states.items() if (one.granted, one.ended) != before[name]]
        if leased:
            database.execute(
                _LEASES,
                (
                    holder,
                    [key for (key, _), _ in leased],
                    [start_ns for (_, start_ns), _ in leased],
                    [asked[name].account.tenant for name, _ in leased],
                    [state.granted for _, state in leased],
                    [state.ended for _, state in leased],
                ),
            )
        if any(want.ends for want in wants):
            database.execute(_DONE, (holder, keys, starts))
        return grants

    def balances(self, keys: Iterable[str], now_ns: int) -> list[Balance]:
        values = {"keys": list(keys), "now_ns": now_ns}
        rows = self._link.run(lambda database: database.execute(_BALANCES, values).fetchall(), "read")
        return [
            Balance(account=key, start_ns=start_ns, tenant=tenant, spent=spent, held=held)
            for key, start_ns, tenant, spent, held in rows
        ]

    def accounts(self, budget: str, after: str, most: int) -> list[str]:
        text, values = ACCOUNTS.format("%s").encode(), accounts_values(budget, after, most)
        return [key for (key,) in self._link.run(lambda database: database.execute(text, values).fetchall(), "read")]

    def announce(self, account: Account, mark: float, now_ns: int) -> bool:
        text, values = ANNOUNCE.format("%s").encode(), announce_values(account, mark, now_ns)
        return self._link.run(lambda database: database.execute(text, values).rowcount, "written") == 1

    def close(self) -> None:
        self._link.close()


def _states(database: Database, holder: str, asked: dict[Name, Want], now_ns: int) -> dict[Name, State]:
    """Lock accounts, those that nobody used before made, and read how they stand.

    Two statements: what one that waits for a lock reads beside the locked rows is as old as its beginning.
    """
    keys, starts = [key for key, _ in asked], [start_ns for _, start_ns in asked]
    accounts = [want.account for want in asked.values()]
    found = database.execute(LOCK_ACCOUNTS, (keys, starts)).rowcount
    columns = (
        now_ns,
        keys,
        starts,
        [one.tenant for one in accounts],
        [one.budget for one in accounts],
        [one.measure for one in accounts],
        [one.span.end_ns for one in accounts],
        [one.span.rolling_ns for one in accounts],
    )
    if found < len(asked):
        database.execute(_ACCOUNTS, columns)
        database.execute(LOCK_ACCOUNTS, (keys, starts))
    values = {"keys": keys, "starts": starts, "holder": holder, "now_ns": now_ns}
    rows = database.execute(_STATES, values).fetchall()
    spans = {name: (want.account.span.end_ns, want.account.span.rolling_ns) for name, want in asked.items()}
    if any(spans[row[0], row[1]] != tuple(row[-2:]) for row in rows):  # a budget's window was written anew
        database.execute(_ACCOUNTS, columns)
        rows = database.execute(_STATES, values).fetchall()
    return {
        (key, start_ns): State(
            spent=spent,
            held=held,
            scarce_until_ns=scarce_until_ns,
            others=others,
            granted=granted,
            ended=ended,
            used=used,
        )
        for key, start_ns, spent, held, scarce_until_ns, others, granted, ended, used, _, _ in rows
    }
