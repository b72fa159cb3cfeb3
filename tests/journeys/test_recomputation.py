"""The recomputation is checked by hand on small accounts, so that it may be believed on the large one."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tests.journeys.recomputation import dollars, percent
from tests.journeys.recomputation_account import Account, Json
from tests.journeys.recomputation_revenue import INVOICED, SERVICE, Fraction, half_away, revenue, shared_out
from tests.journeys.recomputation_usage import UNITS, Event, Spending, cost_cents, owners, usage

JANUARY, FEBRUARY, MARCH = date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1)
YEARS_LATER = datetime(2030, 1, 1, tzinfo=UTC)


def seconds(month: int, day: int, hour: int = 10) -> int:
    return int(datetime(2026, month, day, hour, tzinfo=UTC).timestamp())


def microseconds(month: int, day: int, hour: int = 10) -> int:
    return seconds(month, day, hour) * 10**6


def account(**kinds: list[Json]) -> Account:
    return Account(**{kind: kinds.get(kind, []) for kind in Account.__dataclass_fields__})


def line(cents: int, start: int, end: int, **given: Any) -> Json:
    plain: Json = {"discount_amounts": [], "pretax_credit_amounts": [], "taxes": []}
    return plain | {"amount": cents, "period": {"start": start, "end": end}} | given


def invoice(*lines: Json, finalized: int, **given: Any) -> Json:
    plain = {
        "id": "in_1",
        "customer": "cus_acme",
        "status": "paid",
        "currency": "usd",
        "total": 1,
        "total_excluding_tax": 1,
    }
    return plain | {"lines": {"data": list(lines)}, "status_transitions": {"finalized_at": finalized}} | given


def charge_of(invoice_id: str, currency: str = "usd") -> dict[str, list[Json]]:
    """A charge and the payment that joins it to its invoice."""
    return {
        "charges": [{"id": "ch_1", "customer": "cus_acme", "currency": currency, "payment_intent": "pi_1"}],
        "invoice_payments": [{"invoice": invoice_id, "payment": {"payment_intent": "pi_1"}}],
    }


def fee(cents: int, at: int, **given: Any) -> Json:
    plain = {"id": "txn_1", "type": "charge", "amount": 0, "currency": "usd", "source": "ch_1", "exchange_rate": None}
    return plain | {"fee": cents, "created": at} | given


def test_cents_left_over_go_where_the_most_was_cut_off() -> None:
    """$49.00 over 12 and 19 of 31 days are 18.967… and 30.032…: the cent goes to the first."""
    assert shared_out(4900, {JANUARY: 12, FEBRUARY: 19}) == {JANUARY: 1897, FEBRUARY: 3003}
    assert shared_out(-4900, {JANUARY: 12, FEBRUARY: 19}) == {JANUARY: -1897, FEBRUARY: -3003}
    assert shared_out(1, {JANUARY: 1, FEBRUARY: 1}) == {JANUARY: 1, FEBRUARY: 0}
    assert [half_away(Fraction(number, 2)) for number in (-3, -1, 1, 3)] == [-2, -1, 1, 2]


def test_a_plan_counts_by_its_days_and_its_refund_without_tax() -> None:
    """$310.00 for 17 days of January and 14 of February, 10 % off, 19 % tax on top; $119.00 of $332.01 back in March."""
    plan = line(31000, seconds(1, 15), seconds(2, 15), discount_amounts=[{"amount": 3100}])
    sold = invoice(plan, finalized=seconds(1, 15, 11), total=33201, total_excluding_tax=27900)
    refunds = [
        {
            "id": "re_1",
            "charge": "ch_1",
            "status": "succeeded",
            "amount": 11900,
            "currency": "usd",
            "created": seconds(3, 3),
        },
        {
            "id": "re_2",
            "charge": "ch_1",
            "status": "failed",
            "amount": 5000,
            "currency": "usd",
            "created": seconds(3, 4),
        },
    ]
    found = revenue(account(invoices=[sold], refunds=refunds, **charge_of("in_1")), "usd", YEARS_LATER)

    assert found.net(SERVICE, JANUARY, "cus_acme") == 17000 - 1700
    assert found.net(SERVICE, FEBRUARY, "cus_acme") == 14000 - 1400
    assert found.net(INVOICED, JANUARY, "cus_acme") == 31000 - 3100
    for basis in (SERVICE, INVOICED):
        assert found.net(basis, MARCH, "cus_acme") == -10000  # 119.00 x 279.00 / 332.01
    assert found.net(SERVICE, JANUARY, "cus_mallory") == 0


def test_tax_inside_and_used_up_credit_are_no_revenue() -> None:
    """€1,190.00 with 19 % inside is 1,000.00; $320.00 of usage paid by credit is 0.00; a discount is taken off once."""
    with_tax = line(119000, seconds(1, 1), seconds(1, 1), taxes=[{"amount": 19000, "tax_behavior": "inclusive"}])
    with_credit = line(
        32000,
        seconds(1, 1),
        seconds(2, 1),
        discount_amounts=[{"amount": 2000}],
        pretax_credit_amounts=[
            {"amount": 30000, "type": "credit_balance_transaction"},
            {"amount": 2000, "type": "discount"},
        ],
    )
    found = revenue(account(invoices=[invoice(with_tax, with_credit, finalized=seconds(1, 1))]), "usd", YEARS_LATER)
    assert found.cents[SERVICE, JANUARY, "cus_acme"] == {"gross": 100000 + 32000, "discounts": 2000, "credits": 30000}


@pytest.mark.parametrize("status", ["draft", "void", "uncollectible"])
def test_what_was_not_sold_after_all_counts_nowhere(status: str) -> None:
    plan = line(31000, seconds(1, 1), seconds(2, 1))
    found = revenue(account(invoices=[invoice(plan, finalized=seconds(1, 1), status=status)]), "usd", YEARS_LATER)
    assert found.cents == {}


def test_days_to_come_are_not_earned_and_a_closed_month_does_not_move() -> None:
    """$31.00 from 15 January to 15 February: $17.00 in January; of February's 14 days, five have begun on the fifth at noon."""
    books = account(invoices=[invoice(line(3100, seconds(1, 15), seconds(2, 15)), finalized=seconds(1, 15))])
    at_noon = datetime(2026, 2, 5, 12, tzinfo=UTC)
    for as_of, january, february in ((at_noon, 1700, 500), (YEARS_LATER, 1700, 1400)):
        found = revenue(books, "usd", as_of)
        assert found.net(SERVICE, JANUARY, "cus_acme") == january
        assert found.net(SERVICE, FEBRUARY, "cus_acme") == february
        assert found.net(INVOICED, JANUARY, "cus_acme") == 3100


def test_euros_are_converted_at_the_first_rate_of_the_invoices_day() -> None:
    """€49.00 at 1.0801 is $52.92; its parts 18.97 and 30.03 are 20.49 and 52.92 - 20.49 = 32.43."""
    rates = [
        fee(0, seconds(1, 20, 9), id="txn_2", exchange_rate=Decimal("1.0801")),
        fee(0, seconds(1, 20, 15), id="txn_1", exchange_rate=Decimal("1.2")),
    ]
    plan = invoice(line(4900, seconds(1, 20), seconds(2, 20)), finalized=seconds(1, 20), currency="eur")
    books = account(invoices=[plan], balance_transactions=rates, **charge_of("in_1", "eur"))
    found = revenue(books, "usd", YEARS_LATER)
    assert found.net(SERVICE, JANUARY, "cus_acme") == 2049
    assert found.net(SERVICE, FEBRUARY, "cus_acme") == 3243
    assert found.net(INVOICED, JANUARY, "cus_acme") == 5292


@pytest.mark.parametrize(
    ("rate_month", "rate_day", "cents"), [(3, 1, 10100), (2, 28, None), (4, 29, 10100), (4, 30, None)]
)
def test_a_rate_holds_45_days_and_is_waited_for_14(rate_month: int, rate_day: int, cents: int | None) -> None:
    """For an invoice of 15 April: 1 March is 45 days before it, 29 April 14 days after it. Without a rate it is unknown, not 0."""
    rate = fee(0, seconds(rate_month, rate_day), exchange_rate=Decimal("1.01"))
    sold = invoice(line(10000, seconds(4, 15), seconds(4, 15)), finalized=seconds(4, 15), currency="eur")
    books = account(invoices=[sold], balance_transactions=[rate], **charge_of("in_1", "eur"))
    assert revenue(books, "usd", YEARS_LATER).net(INVOICED, date(2026, 4, 1), "cus_acme") == cents


def test_fees_belong_to_the_customer_of_the_charge_and_radars_to_nobody() -> None:
    money = [fee(993, seconds(1, 15)), fee(0, seconds(1, 31), id="txn_2", source=None, type="stripe_fee", amount=-1200)]
    found = revenue(account(balance_transactions=money, **charge_of("in_1")), "usd", YEARS_LATER)
    assert found.part(SERVICE, JANUARY, "cus_acme", "fees") == 993
    assert found.part(SERVICE, JANUARY, None, "fees") == 1200
    assert found.net(SERVICE, JANUARY, "cus_acme") == 0


def entry(each: dict[str, int], **given: Any) -> Any:
    """A price entry, as far as the recomputation looks at one; prices in pico-USD a unit."""
    bounds = "valid_from valid_to above_input_tokens up_to_input_tokens tod_from_minute tod_to_minute".split()
    return SimpleNamespace(**(dict.fromkeys(bounds) | {"unit_pico_usd": each, "remainders": {}} | given))


GPT_4O = {"input_uncached_tokens": 2_500_000, "cache_read_tokens": 1_250_000, "output_text_tokens": 10_000_000}


def spent(events: list[Event], *entries: Any) -> Spending:
    """What one customer spent in January, at these prices."""
    return usage(events, {"acme": "cus_acme"}, lambda *_: entries).spending[JANUARY, "cus_acme"]


def call(event_id: str = "e1", at: int = microseconds(1, 15), **tokens: int) -> Event:
    return Event(event_id, at, "acme", "openai", "gpt-4o", "standard", "us", **({"input_tokens": 0} | tokens))


def test_every_token_is_charged_once_and_an_event_counts_once() -> None:
    """1,000 tokens in, 400 of them cached, and 200 out, of which 50 to reason: no price of their own, no cost."""
    event = call(input_tokens=1000, cache_read_tokens=400, output_tokens=200)
    cost = 600 * 2_500_000 + 400 * 1_250_000 + 200 * 10_000_000  # $0.004
    assert spent([event, event], entry(GPT_4O)) == Spending(1, 0, 1200, 0, cost)
    reasoning = call("e2", output_tokens=200, reasoning_tokens=50)
    assert spent([event, reasoning], entry(GPT_4O)) == Spending(2, 1, 1400, 200, cost)
    assert dict(zip(UNITS, reasoning.units(), strict=True))["output_text_tokens"] == 150


def test_the_price_of_the_moment_the_length_and_the_hour_holds() -> None:
    change = datetime(2026, 1, 15, tzinfo=UTC)
    entries = [
        entry({"input_uncached_tokens": 1}, valid_to=change),
        entry({"input_uncached_tokens": 10}, valid_from=change, up_to_input_tokens=200),
        entry({"input_uncached_tokens": 100}, valid_from=change, above_input_tokens=200, tod_to_minute=60),
        entry({"input_uncached_tokens": 1000}, valid_from=change, above_input_tokens=200, tod_from_minute=60),
    ]
    events = [
        call("before", microseconds(1, 15, 0) - 1, input_tokens=201),
        call("short", microseconds(1, 15, 0), input_tokens=200),
        call("long, before one", microseconds(1, 15, 0), input_tokens=201),
        call("long, at one", microseconds(1, 15, 1), input_tokens=201),
    ]
    assert spent(events, *entries).cost_pico_usd == 201 * 1 + 200 * 10 + 201 * 100 + 201 * 1000


def test_a_price_by_the_hour_is_rounded_once_an_event() -> None:
    """A second at 1/3600 of 100 is 0.0277…; 18 of them are half a pico-USD, which goes up."""
    hourly = entry({"seconds": 0}, remainders={"seconds": 100})
    assert spent([call("a", seconds=17), call("b", seconds=17)], hourly).cost_pico_usd == 0
    assert spent([call("a", seconds=18), call("b", seconds=18)], hourly).cost_pico_usd == 2


def test_what_the_provider_reports_goes_before_the_price_and_stands_in_for_a_missing_one() -> None:
    """$0.0025 at the price, $0.001 by the provider's word; and $0.002 where there is no price at all."""
    priced = call(input_tokens=1000)
    reported = call("e2", input_tokens=1000)._replace(reported_cost_usd=0.001)
    assert spent([priced, reported], entry(GPT_4O)) == Spending(2, 0, 2000, 0, 2_500_000_000 + 1_000_000_000)
    unknown = call("e3", input_tokens=10)._replace(reported_cost_usd=Decimal("0.002"))
    assert spent([unknown]) == Spending(1, 0, 10, 0, 2_000_000_000)


def test_unknown_models_and_strangers_are_counted_and_never_dropped() -> None:
    stranger = call("e2", input_tokens=100)._replace(customer_id="acct_of_mallory")
    found = usage([call(input_tokens=100), stranger], {"acme": "cus_acme"}, lambda *_: [])
    assert found.spending[JANUARY, "cus_acme"] == Spending(1, 1, 100, 100, 0)
    assert found.spending[JANUARY, None] == Spending(1, 1, 100, 100, 0)
    assert found.unpriced[JANUARY, "openai"][UNITS.index("input_uncached_tokens")] == 200


def test_a_customer_is_known_by_its_id_and_by_what_stands_in_its_metadata() -> None:
    known = owners(account(customers=[{"id": "cus_acme", "metadata": {"account_id": "acct_acme"}}]))
    assert known == {"cus_acme": "cus_acme", "acct_acme": "cus_acme"}


def test_numbers_are_rounded_for_people_once() -> None:
    assert cost_cents(45_905_000_000_000) == 4591  # $45.905
    assert dollars(-264570) == "-2,645.70"
    assert dollars(None) == "\u2014"
    assert [percent(Fraction(share, 10000)) for share in (7015, 9996, 10000, -44461)] == [
        "70.2 %",
        "99.9 %",
        "100.0 %",
        "-444.6 %",
    ]
