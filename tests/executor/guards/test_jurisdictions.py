"""The rules of jurisdictions, by what they refuse: whose limits hold for whom, what they compare, and what a refusal says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, GuardRefused, LimitViolated
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from executor.guards import Jurisdictions, Newest
from executor.guards.client_books import Books, ClientBooks
from executor.orders import Order, State
from tests.executor.compliance.rulebooks import ARTICLE, Known, ListedHere, client, limit, rulebook
from tests.executor.guards.cases import (
    ACCOUNT,
    BLOCK,
    NOON,
    ODD,
    ONE,
    POOL,
    ROUTER,
    USDC,
    WETH,
    Floor,
    by_id,
    desk_limits,
    final,
    order,
    refused,
    rehearsed,
    routed,
)

WIDE = desk_limits(max_notional_per_order_usd=None, max_notional_per_day_usd=None, max_notional_per_symbol_usd={}, allowed_tokens=None)


def ruled(folder: Path, rules: Jurisdictions) -> Floor:
    """A floor whose desk has wide limits of its own, and these rules."""
    return Floor(folder, limits=WIDE, jurisdictions=rules)


def of_the_eu(*limits: object, **parts: object) -> Jurisdictions:
    """These limits of the EU over the known clients."""
    return Jurisdictions(rulebook(*limits), Known(), **parts)  # type: ignore[arg-type]


def asked(floor: Floor, one: Order, *others: Order, stage: str = "intent", now: object = NOON) -> Mapping[str, object] | None:
    """The facts of the refusal, None when it goes on."""
    try:
        floor.guards.check(stage, one, by_id(*others, one), now)  # type: ignore[arg-type]
    except GuardRefused as problem:
        return {"message": problem.message, **problem.facts}
    return None


def test_an_order_over_a_limit_of_the_clients_country_is_refused_with_everything_a_person_asks(tmp_path: Path):
    floor = ruled(tmp_path, of_the_eu(limit(doc_ref=ARTICLE, basis="law")))
    told = asked(floor, order(amount=3 * ONE, client_id="german"))
    assert told is not None
    assert told["rule"] == "jurisdiction_order_limit"
    assert (told["limit_id"], told["jurisdiction"], told["basis"]) == ("EU-POL-1", "EU", "law")
    assert (told["doc_ref"], told["verified"]) == ("EU 2023/1114 Art 68(9)", True)
    assert (told["value"], told["limit"], told["unit"], told["client_id"]) == ("6000.00", "5000", "USD", "german")
    assert "limit EU-POL-1 of EU, by law (EU 2023/1114 Art 68(9))" in str(told["message"])


@pytest.mark.parametrize("whose", [None, "singaporean"])
def test_the_same_order_goes_on_where_no_such_limit_holds(tmp_path: Path, whose: str | None):
    assert asked(ruled(tmp_path, of_the_eu()), order(amount=3 * ONE, client_id=whose)) is None


def test_an_order_at_the_limit_goes_on_and_a_wei_more_does_not(tmp_path: Path):
    floor = ruled(tmp_path, of_the_eu())
    at_it = 5 * ONE // 2
    assert asked(floor, order(amount=at_it, client_id="german")) is None
    told = asked(floor, order(amount=at_it + 1, client_id="german"))
    assert told is not None and told["value"] == "5000.01"  # rounded up: it is over


def test_of_two_countries_the_strictest_limit_is_named(tmp_path: Path):
    rules = Jurisdictions(rulebook(limit(most="3000"), singapore=(limit("SG-POL-1", most="1000.50"),)), Known())
    told = asked(ruled(tmp_path, rules), order(amount=3 * ONE, client_id="both"))
    assert told is not None and (told["limit_id"], told["limit"]) == ("SG-POL-1", "1000.50")


@pytest.mark.parametrize(("whose", "says"), [("nobody", "nobody knows a client nobody"), ("nowhere", "has no residence")])
def test_a_client_nobody_knows_or_without_a_residence_is_refused(tmp_path: Path, whose: str, says: str):
    told = asked(ruled(tmp_path, of_the_eu()), order(client_id=whose))
    assert told is not None and told["rule"] == "client_jurisdiction" and says in str(told["message"])
    assert "limit_id" not in told  # nobody's limit was violated


def test_a_desk_that_knows_no_clients_trades_for_none(tmp_path: Path):
    told = asked(Floor(tmp_path), order(client_id="german"))
    assert told is not None and told["rule"] == "client_jurisdiction"
    assert asked(Floor(tmp_path), order()) is None


def test_a_country_that_is_not_served_is_served_by_nobody(tmp_path: Path):
    known = Known({"one": client("one", "KP"), "two": client("two", "BR")})
    rules = Jurisdictions(rulebook(limit("EU-LAW-1", "client_residence", None, "kp")), known)
    told = asked(ruled(tmp_path, rules), order(client_id="one"))
    assert told is not None and (told["rule"], told["limit_id"], told["value"]) == ("client_jurisdiction", "EU-LAW-1", "KP")
    assert asked(ruled(tmp_path, rules), order(client_id="two")) is None


def test_a_limit_in_dollars_refuses_what_nothing_prices(tmp_path: Path):
    told = asked(ruled(tmp_path, of_the_eu()), order(sell=ODD, client_id="german"))
    assert told is not None and told["rule"] == "unpriced"


def test_a_day_counts_what_the_client_sold_and_has_under_way_and_nobody_elses(tmp_path: Path):
    floor = ruled(tmp_path, of_the_eu(limit("EU-POL-2", "day_usd", "5000")))
    sold, under_way = final(order("a", client_id="german")), order("b", at=NOON - timedelta(seconds=1), client_id="german")
    for_others = (final(order("c", client_id="both")), final(order("d")), refused(order("e", client_id="german")))
    half = order("f", amount=ONE // 2, client_id="german")
    assert asked(floor, half, sold, under_way, *for_others) is None
    told = asked(floor, order("g", amount=ONE // 2 + 1, client_id="german"), sold, under_way, *for_others)
    assert told is not None and (told["rule"], told["limit_id"]) == ("jurisdiction_day_limit", "EU-POL-2")
    later = NOON + timedelta(hours=25)
    floor.newest = Newest(BLOCK, later)
    assert asked(floor, order("h", amount=2 * ONE, at=later, client_id="german"), sold, *for_others, now=later) is None


def bought(name: str, amount: int, **parts: object) -> Order:
    """An order that spends USDC on WETH, a WETH for 2000 USDC, as it ended."""
    done = final(order(name, amount=amount, sell=USDC, buy=WETH, **parts))  # type: ignore[arg-type]
    got = amount * 10**12 // 2000
    assert done.outcome is not None and done.routed is not None
    return _with(done, got)


def _with(one: Order, got: int) -> Order:
    from dataclasses import replace

    assert one.routed is not None
    plan = replace(one.routed, amount_out=got, min_amount_out=max(got * 9950 // 10_000, 1))
    return replace(one, routed=plan, outcome=one.outcome and replace(one.outcome, amount_out=got))


def test_a_position_is_what_was_bought_less_what_was_sold_at_the_price_of_now(tmp_path: Path):
    floor = ruled(tmp_path, of_the_eu(limit("EU-POL-3", "position_usd", "10000")))
    held = [bought("a", 8000 * 10**6, client_id="german"), final(order("b", amount=ONE, client_id="german"))]  # 4 WETH less 1
    plan = _with(routed(order("c", amount=4000 * 10**6, sell=USDC, buy=WETH, client_id="german")), 2 * ONE)
    assert asked(floor, plan, *held, stage="simulated") is None
    floor.prices.told[WETH] = 2000.01
    told = asked(floor, plan, *held, stage="simulated")
    assert told is not None and (told["rule"], told["limit_id"]) == ("jurisdiction_position_limit", "EU-POL-3")
    assert told["value"] == "10000.05"


def test_cash_is_no_position_and_a_sale_makes_none(tmp_path: Path):
    floor = ruled(tmp_path, of_the_eu(limit("EU-POL-3", "position_usd", "1"), cash=frozenset((USDC,))))
    assert asked(floor, routed(order(client_id="german")), stage="simulated") is None


def test_an_order_under_way_counts_what_it_would_buy_and_not_yet_what_it_would_sell(tmp_path: Path):
    earlier = NOON - timedelta(seconds=1)
    buying = _with(routed(order("a", amount=4000 * 10**6, at=earlier, sell=USDC, buy=WETH, client_id="german")), 2 * ONE)
    selling = routed(order("b", amount=2 * ONE, at=earlier, client_id="german"))
    floor = ruled(tmp_path, of_the_eu(limit("EU-POL-3", "position_usd", "5999")))
    plan = _with(routed(order("c", amount=2000 * 10**6, sell=USDC, buy=WETH, client_id="german")), ONE)
    told = asked(floor, plan, buying, selling, stage="routed")
    assert told is not None and told["value"] == "6000.00"


def test_what_was_sold_and_never_bought_here_is_a_position_of_nothing(tmp_path: Path):
    books, one = ClientBooks(lambda other, order: True), order("new", client_id="german")
    orders = by_id(final(order("a", amount=5 * ONE, client_id="german")), one)
    books.read(orders, NOON)
    assert books.beside(one, orders).held == {USDC: 10_000 * 10**6}


def test_without_a_key_a_rehearsed_order_counts_as_its_plan_says(tmp_path: Path):
    done = rehearsed(order("a", mode="paper", client_id="german"))
    one, later = order("b", mode="paper", client_id="german"), NOON + timedelta(seconds=200)
    books = ClientBooks(lambda other, order: True)
    books.read(by_id(done, one), later)
    assert books.beside(one, by_id(done, one)) == Books({WETH: ONE}, {USDC: 2000 * 10**6})
    live = order("c", client_id="german")
    assert books.beside(live, by_id(done, one, live)) == Books({}, {})  # another mode, another book
    assert books.beside(order("d"), {}) == Books()


ENDS = st.sampled_from(["final", "reverted", "refused", "open"])


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 10**24), st.integers(1, 10**24), ENDS), max_size=12), st.integers(0, 12))
def test_for_any_orders_a_restart_at_any_moment_tells_the_same_books(told: list[tuple[bool, int, int, str]], at: int):
    made = [_ended(f"{number}", *one) for number, one in enumerate(told)]
    asking = order("asking", client_id="german")
    went_on, fresh = (ClientBooks(lambda other, order: True) for _ in range(2))
    went_on.read(by_id(*made[:at]), NOON)
    orders = by_id(*made, asking)
    for books in (went_on, fresh):
        books.read(orders, NOON)
    assert went_on.beside(asking, orders) == fresh.beside(asking, orders)
    exact = sum((got if buys else -spent) for buys, spent, got, end in told if end == "final")
    exact += sum(got for buys, _, got, end in told if end == "open" and buys)
    assert fresh.beside(asking, orders).held.get(WETH, 0) == max(exact, 0)


def _ended(name: str, buys: bool, spent: int, got: int, end: str) -> Order:
    sides = {"sell": USDC, "buy": WETH} if buys else {}
    one = order(name, amount=spent, client_id="german", **sides)
    match end:
        case "final":
            return _with(final(one), got)
        case "reverted":
            return final(one, status=0)
        case "refused":
            return refused(one)
    return _with(routed(one), got)


def test_an_order_that_never_came_to_be_is_forgotten():
    books, ghost, asking = ClientBooks(lambda other, order: True), order("ghost", client_id="german"), order("b", client_id="german")

    class OnTheirWay(dict[str, Order]):
        def of_clients(self, since: int) -> tuple[list[str], list[str]]:
            return [], list(self)

    books.read(OnTheirWay(by_id(ghost)), NOON)
    books.read(OnTheirWay(by_id(asking)), NOON)
    assert books.beside(asking, by_id(asking)) == Books({}, {})


@pytest.mark.parametrize("where", ["sold", "bought", "on the way"])
def test_a_restricted_token_is_refused_wherever_it_is(tmp_path: Path, where: str):
    rules = Jurisdictions(
        rulebook(limit("EU-POL-4", "restricted_tokens", None, "@restricted"), restricted=(ODD.upper().replace("X", "x"),)), Known()
    )
    sides = {"sold": {"sell": ODD}, "bought": {"buy": ODD}}.get(where, {})
    one = routed(order(client_id="german", **sides))
    if where == "on the way":
        from dataclasses import replace

        assert one.routed is not None
        leg = one.routed.legs[0]
        one = routed(order(client_id="german"), legs=(replace(leg, buy=ODD), replace(leg, sell=ODD)))
    told = asked(ruled(tmp_path, rules), one, stage="routed")
    assert told is not None and (told["rule"], told["limit_id"], told["value"]) == ("jurisdiction_restricted", "EU-POL-4", ODD)
    assert asked(ruled(tmp_path, rules), routed(order(client_id="singaporean", **sides)), stage="routed") is None


def test_a_restricted_pool_is_refused_once_it_is_planned(tmp_path: Path):
    floor = ruled(tmp_path, of_the_eu(limit("EU-POL-5", "restricted_pools", None, POOL)))
    assert asked(floor, order(client_id="german")) is None
    told = asked(floor, routed(order(client_id="german")), stage="routed")
    assert told is not None and (told["limit_id"], told["value"]) == ("EU-POL-5", POOL)


@pytest.mark.parametrize(
    ("listed", "stage"), [(WETH, "intent"), (USDC, "intent"), (ACCOUNT, "intent"), (POOL, "routed"), (ROUTER, "routed")]
)
@pytest.mark.parametrize("whose", [None, "german"])
def test_a_listed_address_is_never_met_by_the_firm_or_a_client(tmp_path: Path, listed: str, stage: str, whose: str | None):
    floor = ruled(tmp_path, of_the_eu(listed=ListedHere({listed: "ofac 12345"})))
    one = order(client_id=whose)
    told = asked(floor, routed(one) if stage == "routed" else one, stage=stage)
    assert told is not None and (told["rule"], told["doc_ref"], told["value"]) == ("sanctioned_address", "ofac 12345", listed)
    assert asked(ruled(tmp_path, of_the_eu(listed=ListedHere())), routed(one), stage="sign") is None


def test_a_clients_listed_wallet_stops_its_orders(tmp_path: Path):
    wallet = "0x" + "ef" * 20
    known = Known({"one": client("one", "SG", wallets=(wallet.upper().replace("X", "x"),))})
    floor = ruled(tmp_path, Jurisdictions(None, known, ListedHere({wallet: "ofac 7"})))
    told = asked(floor, order(client_id="one"))
    assert told is not None and (told["rule"], told["value"]) == ("sanctioned_address", wallet)


def test_violations_do_not_trip_the_brake_on_rejects(tmp_path: Path):
    from dataclasses import replace

    floor = Floor(tmp_path, limits=replace(WIDE, max_rejects=1), jurisdictions=of_the_eu())
    violated = replace(refused(order("a", client_id="german"), "jurisdiction_order_limit"), violation={"limit_id": "EU-POL-1"})
    assert asked(floor, order("b"), violated) is None
    told = asked(floor, order("c"), refused(order("d")))
    assert told is not None and told["rule"] == "kill_switch"


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (limit(most="many"), "most 'many'"),
        (limit(most=None), "most None"),
        (limit(metric="orders"), "write one of order_usd"),
        (limit("A", "restricted_tokens", None, "@gone"), "names the list @gone"),
        (limit(on_breach=("alert:fax",)), "write alert:slack or alert:email"),
    ],
)
def test_a_limit_that_cannot_be_held_to_is_refused_at_the_start(bad: object, says: str):
    with pytest.raises(BadInput, match=says):
        of_the_eu(bad)


def test_every_refusal_of_a_limit_is_of_the_class_that_is_journalled(tmp_path: Path):
    with pytest.raises(LimitViolated):
        ruled(tmp_path, of_the_eu()).guards.check("intent", order(amount=9 * ONE, client_id="german"), {}, NOON)
    assert State.REFUSED.value == "refused"


def test_the_shipped_rulebook_can_be_held_to_and_a_list_may_be_empty_until_somebody_is_on_it():
    shipped = load_rulebook(SHIPPED)
    assert shipped.lists["restricted_tokens"] == ()
    every = [one.id for place in shipped.jurisdictions.values() for one in place.limits]
    assert Jurisdictions(shipped, Known()).to_json()["limits"] == every
