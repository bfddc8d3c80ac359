from random import Random

from antiphon.control.spend_anomalies import LOOK_BACK_HOURS, MOST, anomalies, by_scope

FIRST = 495_000
LAST = FIRST + LOOK_BACK_HOURS
CENT = 10_000_000


def usual(chance: Random, hour: int) -> int:
    """Busy by day, quiet by night, with some noise."""
    busy = 50 if 8 <= hour % 24 < 18 else 5
    return busy * CENT + chance.randrange(busy * CENT // 10)


def hours(**strange: int) -> dict[int, int]:
    chance = Random(3)
    return {hour: usual(chance, hour) for hour in range(FIRST, LAST)} | {
        LAST - int(back.removeprefix("h")): money for back, money in strange.items()
    }


def look(spent: dict[int, int], window: int = 48) -> list[tuple[int, int]]:
    found, _ = anomalies(("team",), {("a",): spent}, LAST - window, LAST)
    return [(one.seen_nano_usd, one.expected_nano_usd) for one in found]


def test_usual_hours_are_no_anomalies() -> None:
    assert look(hours()) == []


def test_a_night_as_dear_as_a_day_is_found() -> None:
    night = next(back for back in range(1, 24) if (LAST - back) % 24 == 3)

    found, more = anomalies(("team",), {("a",): hours(**{f"h{night}": 60 * CENT})}, LAST - 48, LAST)

    assert [one.scope for one in found] == [{"team": "a"}]
    assert found[0].seen_nano_usd == 60 * CENT
    assert 5 * CENT <= found[0].expected_nano_usd < 6 * CENT
    assert found[0].score > 3.5
    assert found[0].compared_with == "same weekday and hour, 3 of them"
    assert not more


def test_an_hour_of_day_without_spend_is_found_too() -> None:
    noon = next(back for back in range(1, 24) if (LAST - back) % 24 == 12)
    spent = hours()
    del spent[LAST - noon]

    found, _ = anomalies(("team",), {("a",): spent}, LAST - 48, LAST)

    assert [(one.seen_nano_usd, one.score < 0) for one in found] == [(0, True)]


def test_less_than_a_cent_off_is_no_matter() -> None:
    assert look(dict.fromkeys(range(FIRST, LAST), 1000) | {LAST - 1: 9_000_000}) == []


def test_a_scope_that_is_new_is_compared_with_nothing() -> None:
    assert look({LAST - 2: 100 * CENT, LAST - 1: 900 * CENT}) == []


def test_less_than_three_weeks_are_compared_by_the_hour_of_the_day() -> None:
    spent = dict.fromkeys(range(LAST - 8 * 24, LAST), 10 * CENT) | {LAST - 1: 90 * CENT}

    found, _ = anomalies((), {(): spent}, LAST - 24, LAST)

    assert [one.compared_with for one in found] == ["same hour, 7 of them"]


def test_the_farthest_off_are_kept_and_that_is_told() -> None:
    spent = {(f"t{number}",): hours(h1=(100 + number) * CENT) for number in range(MOST + 5)}

    found, more = anomalies(("team",), spent, LAST - 2, LAST)

    assert (len(found), more) == (MOST, True)
    assert found[0].scope == {"team": f"t{MOST + 4}"}


def test_hours_are_read_back_from_their_text() -> None:
    assert by_scope([(("a",), "2026-11-18T01:00Z", 5)]) == {("a",): {1_794_963_600 // 3600: 5}}
