"""Makes the complaints that the example's agent reads: 240 in three months, the same every time.

Without arguments they are in complaints.db beside this file. With `--postgres URL` they are in a table of that database, which
the role of `--reader` may read and do nothing else with: models write the SQL, so it runs as that role, never as a superuser.
"""

import argparse
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

MONTHS = ("2026-09", "2026-10", "2026-11")
COUNTS = {
    "2026-09": {"delivery": 22, "damage": 18, "billing": 14, "service": 12, "safety": 1, "other": 5},
    "2026-10": {"delivery": 29, "damage": 16, "billing": 15, "service": 13, "safety": 2, "other": 6},
    "2026-11": {"delivery": 41, "damage": 15, "billing": 12, "service": 9, "safety": 5, "other": 5},
}
TEXTS = {
    "delivery": (
        "My parcel came nine days late and nobody told me.",
        "The order never arrived, the tracking page says it did.",
        "The courier left it in the rain.",
        "Delayed three times. I needed it for a birthday.",
    ),
    "damage": (
        "The lid was broken when I opened the box.",
        "One side is cracked from top to bottom.",
        "It came dented, and the box around it as well.",
        "The cover is torn, please send another.",
    ),
    "billing": (
        "I was charged twice for one order.",
        "The invoice shows a price that I never saw.",
        "Where is my refund? It was promised in October.",
        "You overcharged me by 12 euros.",
    ),
    "service": (
        "I wrote four times and got no reply.",
        "The person at the counter was rude.",
        "I waited on hold for fifty minutes.",
        "Your hotline was unhelpful.",
    ),
    "safety": (
        "There was smoke from the charger after ten minutes.",
        "It overheats so much that I can't touch it.",
        "The plug burned my table.",
        "Sparks came out when I switched it on.",
    ),
    "other": (
        "I don't like the new colour.",
        "The manual is only in English.",
        "Your shop closes too early.",
    ),
}
PRODUCTS = ("kettle", "lamp", "charger", "fan", "toaster")
CHANNELS = ("mail", "phone", "shop", "web")
TABLE = """CREATE TABLE complaints (
    id INTEGER PRIMARY KEY,
    received_on TEXT NOT NULL,
    channel TEXT NOT NULL,
    product TEXT NOT NULL,
    customer TEXT NOT NULL,
    text TEXT NOT NULL
)"""
Row = tuple[int, str, str, str, str, str]


def complaints() -> Iterator[Row]:
    """Rows in the order of the table's columns."""
    source = random.Random(7)  # noqa: S311 - the same complaints every time
    number = 0
    for month in MONTHS:
        causes = [cause for cause, count in COUNTS[month].items() for _ in range(count)]
        source.shuffle(causes)
        for cause in causes:
            number += 1
            day = f"{month}-{1 + source.randrange(28):02}"
            product = "charger" if cause == "safety" else source.choice(PRODUCTS)
            customer = f"customer-{source.randrange(1000):03}"
            yield number, day, source.choice(CHANNELS), product, customer, source.choice(TEXTS[cause])


def into_sqlite(file: Path) -> int:
    """Make the file anew. Returns: how many rows."""
    file.unlink(missing_ok=True)
    with sqlite3.connect(file) as database:
        database.execute(TABLE)
        made = database.executemany("INSERT INTO complaints VALUES (?, ?, ?, ?, ?, ?)", complaints()).rowcount
    database.close()
    return made


def into_postgres(url: str, reader: str) -> int:
    """Make the table anew, and the role that reads it where there is none. Returns: how many rows."""
    import psycopg
    from psycopg.sql import SQL, Identifier

    rows, role = list(complaints()), Identifier(reader)
    with psycopg.connect(url) as database, database.cursor() as cursor:
        if cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [reader]).fetchone() is None:
            cursor.execute(SQL("CREATE ROLE {} LOGIN").format(role))
        cursor.execute("DROP TABLE IF EXISTS complaints")
        cursor.execute(TABLE)
        cursor.executemany("INSERT INTO complaints VALUES (%s, %s, %s, %s, %s, %s)", rows)
        cursor.execute(SQL("GRANT SELECT ON complaints TO {}").format(role))
    return len(rows)


def main() -> None:
    """Make the database that the arguments name."""
    parser = argparse.ArgumentParser(description="Make the example's complaints.")
    parser.add_argument("--postgres", metavar="URL", help="make them there, rather than in a file of SQLite")
    parser.add_argument(
        "--reader", metavar="ROLE", default="tools", help="role of Postgres that may read them (default: tools)"
    )
    parser.add_argument("--file", type=Path, default=Path(__file__).with_name("complaints.db"))
    arguments = parser.parse_args()
    made = into_postgres(arguments.postgres, arguments.reader) if arguments.postgres else into_sqlite(arguments.file)
    print(f"{made} complaints of {', '.join(MONTHS)}")


if __name__ == "__main__":
    main()
