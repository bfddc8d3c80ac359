"""What is held for several attempts gets less as they take tickets of their own."""

import pytest

from antiphon.core.budget import Account, Budget, Span, Window
from antiphon.core.money import NanoUsd
from antiphon.core.ticket import Bound
from antiphon.metering.holding import MONEY, TOKENS, Holding
from antiphon.metering.purse import Purse


def purse(left: int, measure: str = "money") -> Purse:
    budget = Budget(name=measure, measure=measure, limit=1000, window=Window(period="total"))  # type: ignore[arg-type]
    account = Account(key=f"{measure}|t", budget=measure, tenant="t", measure=measure, span=Span(start_ns=0, end_ns=1))  # type: ignore[arg-type]
    found = Purse(account, budget, 0.0)
    found.granted = found.left = left
    return found


def bound(money: int, tokens: int = 0) -> Bound:
    return Bound(money_nano_usd=NanoUsd(money), tokens=tokens)


def whole(one: Purse) -> bool:
    """What a purse always keeps to."""
    return one.granted == one.used + one.open + one.left


def test_it_takes_from_every_purse_what_its_measure_says() -> None:
    money, tokens = purse(100), purse(50, "tokens")

    holding = Holding([(money, MONEY), (tokens, TOKENS)], bound(60, 20), lambda _: None)

    assert (money.left, money.open, money.tickets) == (40, 60, 1)
    assert (tokens.left, tokens.open, tokens.tickets) == (30, 20, 1)
    assert holding.held_nano_usd == 60
    assert whole(money)
    assert whole(tokens)


def test_an_attempt_s_bound_goes_back_so_that_its_ticket_can_take_it() -> None:
    money = purse(100)
    holding = Holding([(money, MONEY)], bound(60), lambda _: None)

    holding.give(bound(25))

    assert (money.left, money.open, holding.held_nano_usd) == (65, 35, 35)
    assert whole(money)


def test_no_more_goes_back_than_is_held() -> None:
    money = purse(100)
    holding = Holding([(money, MONEY)], bound(60), lambda _: None)

    holding.give(bound(50))
    holding.give(bound(50))

    assert (money.left, money.open) == (100, 0)


def test_what_no_ticket_took_is_held_again() -> None:
    money, tokens = purse(100), purse(50, "tokens")
    holding = Holding([(money, MONEY), (tokens, TOKENS)], bound(60, 20), lambda _: None)

    holding.take_back(holding.give(bound(25, 5)))

    assert (money.left, money.open, tokens.left, tokens.open) == (40, 60, 30, 20)
    assert holding.held_nano_usd == 60
    assert whole(money)
    assert whole(tokens)


def test_no_more_is_held_again_than_others_have_left() -> None:
    money = purse(100)
    holding = Holding([(money, MONEY)], bound(60), lambda _: None)
    given = holding.give(bound(50))
    money.left -= 80  # another request's ticket
    money.open += 80

    holding.take_back(given)

    assert (money.left, money.open, holding.held_nano_usd) == (0, 100, 20)
    assert whole(money)


def test_nothing_is_held_again_once_it_has_ended() -> None:
    money = purse(100)
    holding = Holding([(money, MONEY)], bound(60), lambda _: None)
    given = holding.give(bound(50))
    holding.end()

    holding.take_back(given)

    assert (money.left, money.open, money.tickets) == (100, 0, 0)


def test_its_end_gives_the_rest_back_once_and_wakes_who_waits() -> None:
    money, woken = purse(100), list[Purse]()
    money.waiting = 1
    holding = Holding([(money, MONEY)], bound(60), woken.append)

    holding.end()
    holding.end()

    assert (money.left, money.open, money.tickets) == (100, 0, 0)
    assert woken == [money]


@pytest.mark.parametrize("at", [1, 3, 4])
def test_what_no_proof_is_asked_for_isn_t_held(at: int) -> None:
    soft = purse(100)

    Holding([(soft, at)], bound(60, 60), lambda _: None)

    assert (soft.left, soft.open, soft.tickets) == (100, 0, 0)
