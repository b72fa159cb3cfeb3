"""Our estimate of a change beside Stripe's preview of it: line by line the same, and every difference has a name."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import stripe
from sqlalchemy import Engine

from billing import commands, subscription_previews
from billing import subscription_changes as changes
from billing.preview_comparison import CAUSES, Comparison, compare
from billing.principals import SYSTEM
from billing.stripe_gateway import StripeGateway
from billing.subscription_estimate import UNKNOWN_DISCOUNT, USAGE, Estimate, debits, estimate
from pipelines.send_commands import send_due
from pricing.proration import Line
from store import stripe_commands
from store import subscription_reads as reads
from store.database import tenant_transaction
from tests.billing.mirrored_account import mirror
from tests.sandbox.shop import customer, meter, price, subscribe
from tests.sandbox_fixtures import EMPTY_STARTS_AT, SandboxServer

START = datetime.fromtimestamp(EMPTY_STARTS_AT, UTC)
AT = START + timedelta(days=11)
Look = Callable[[Any, str, datetime], tuple[Estimate, Comparison]]


@pytest.fixture
def gateway(sandbox_server: SandboxServer) -> Iterator[StripeGateway]:
    opened = StripeGateway("sk_test_sandbox", sandbox_server.url, timeout_seconds=5)
    yield opened
    opened.close()


@pytest.fixture
def look(engine: Engine, tenant: UUID, mallory: UUID, gateway: StripeGateway) -> Look:
    """Estimate a change from the mirror, let the worker ask Stripe for its preview, and compare the two."""

    def at(change: Any, id_: str, now: datetime) -> tuple[Estimate, Comparison]:
        with tenant_transaction(engine, tenant) as connection:
            mirror(connection, tenant, gateway, now)
            [subscription] = [
                raw
                for owner in {raw["customer"] for raw in gateway.read("/v1/subscriptions", {})["data"]}
                for raw in reads.subscriptions(connection, owner)
                if raw["id"] == id_
            ]
            offers = reads.offers(connection, subscription["currency"])
            ours = estimate(
                change,
                subscription,
                prices={offer.price["id"]: offer.price for offer in offers},
                names={offer.price["product"]: offer.product_name for offer in offers},
                billed=reads.billed(connection, id_),
                now=now,
            )
            params = changes.preview_params(change, subscription)
            assert params is not None
            asked = commands.submit(
                connection, tenant, subscription_previews.intent(id_, params, repr(change)), principal=SYSTEM, now=now
            )
        before = stripe_commands_state(gateway)
        assert send_due(engine, tenant, gateway, now=now) == 1
        assert stripe_commands_state(gateway) == before  # a preview changes nothing
        with tenant_transaction(engine, tenant) as connection:
            found = stripe_commands.find(connection, asked.command_id)
        assert found is not None
        assert found.answer is not None, found.refusal
        with tenant_transaction(engine, mallory) as connection:
            assert reads.billed(connection, id_) == []
        return ours, compare(ours, dict(found.answer), subscription)

    return at


def stripe_commands_state(gateway: StripeGateway) -> Any:
    return [gateway.read(path, {"limit": 100})["data"] for path in ("/v1/subscriptions", "/v1/invoices")]


@pytest.mark.parametrize("mode", ["flexible", "classic"])
def test_a_switch_costs_what_stripe_says_line_by_line(
    mode: str, look: Look, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """2 x 31.00 a month, of which 20 of 31 days are left, so 40.00 goes back whatever follows."""
    basic, pro, small = (price(stripe_sdk, minor) for minor in (3_100, 6_200, 1_550))
    yearly = price(stripe_sdk, 37_200, recurring={"interval": "year"})
    made = subscribe(stripe_sdk, customer(stripe_sdk), {"price": basic, "quantity": 2}, billing_mode={"type": mode})
    sandbox_server.advance(days=11)
    for other, quantity, sums in (
        (pro, 2, [-4_000, 8_000]),  # 2 x 62.00, 20 of 31 days
        (small, 2, [-4_000, 2_000]),
        (basic, 5, [-4_000, 10_000]),
        (yearly, 1, [-4_000, 37_200]),
    ):
        ours, seen = look(changes.Switch(made["items"].data[0].id, other, quantity, AT), made.id, AT)
        assert [line.amount_minor for line in ours.lines] == sums
        assert [(row.difference_minor, row.cause) for row in seen.rows] == [(0, None)] * 2
        assert (seen.ours_minor, seen.theirs_minor) == (sum(sums), sum(sums))
        assert (ours.by_day is None) == (other == yearly)


def test_a_switch_planned_for_a_later_day_of_the_period_is_previewed_at_that_day(
    look: Look, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Looked at after 11 days, planned for the 21st: 10 of 31 days are left, so 10.00 of 31.00 go back and 20.00 of 62.00 come."""
    basic, pro = price(stripe_sdk, 3_100), price(stripe_sdk, 6_200)
    made = subscribe(stripe_sdk, customer(stripe_sdk), basic)
    sandbox_server.advance(days=11)
    later = changes.SwitchLater(made["items"].data[0].id, pro, 1, START + timedelta(days=21))
    ours, seen = look(later, made.id, AT)
    assert [line.amount_minor for line in ours.lines] == [-1_000, 2_000]
    assert [(row.difference_minor, row.cause) for row in seen.rows] == [(0, None)] * 2
    at_the_end = replace(later, at=datetime.fromtimestamp(made["items"].data[0].current_period_end, UTC))
    assert changes.preview_params(at_the_end, made.to_dict()) is None  # nothing is prorated, so nothing is previewed


def test_a_second_switch_gives_back_what_the_first_one_billed(
    look: Look, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """After 11 days 62.00 for 20 of 31 days = 40.00; after 21 days half of that, 20.00, is left and 10 of 31 days of 93.00 are 30.00."""
    basic, pro, max_ = (price(stripe_sdk, minor) for minor in (3_100, 6_200, 9_300))
    made = subscribe(stripe_sdk, customer(stripe_sdk), basic)
    item = made["items"].data[0].id
    sandbox_server.advance(days=11)
    stripe_sdk.v1.subscriptions.update(
        made.id, {"items": [{"id": item, "price": pro}], "proration_behavior": "always_invoice"}
    )
    sandbox_server.advance(days=10)
    later = START + timedelta(days=21)
    ours, seen = look(changes.Switch(item, max_, 1, later), made.id, later)
    assert [line.amount_minor for line in ours.lines] == [-2_000, 3_000]
    assert all(row.difference_minor == 0 for row in seen.rows)


@pytest.mark.parametrize("mode", ["flexible", "classic"])
def test_ending_it_now_gives_back_the_rest(
    mode: str, look: Look, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100), billing_mode={"type": mode})
    sandbox_server.advance(days=11)
    ours, seen = look(changes.CancelNow(), made.id, AT)
    assert [(row.ours and row.ours.amount_minor, row.difference_minor) for row in seen.rows] == [(-2_000, 0)]
    assert (seen.due_minor, seen.standing.due_minor, seen.standing.to_balance_minor) == (0, 0, 2_000)
    assert ours.by_day is None


def test_a_refund_is_not_credited_again_and_the_difference_says_so(
    look: Look, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """25.00 of 31.00 went back, 6.00 is left; Stripe would still credit 20.00."""
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100))
    [charge] = stripe_sdk.v1.charges.list().data
    stripe_sdk.v1.refunds.create({"charge": charge.id, "amount": 2_500})
    sandbox_server.advance(days=11)
    _, seen = look(changes.CancelNow(), made.id, AT)
    [row] = seen.rows
    assert row.ours is not None
    assert (row.ours.amount_minor, row.difference_minor, row.cause) == (-600, -1_400, "refunded")
    assert seen.is_explained


def test_an_item_added_in_mid_period_and_what_still_waits(
    look: Look, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """A second item of 62.00 after 11 of 31 days is 40.00 and waits; ten days later 10 of 31 days are 20.00, not 31.00."""
    basic, extra, dearer = (price(stripe_sdk, minor) for minor in (3_100, 6_200, 9_300))
    made = subscribe(stripe_sdk, customer(stripe_sdk), basic)
    sandbox_server.advance(days=11)
    added = stripe_sdk.v1.subscription_items.create({"subscription": made.id, "price": extra, "quantity": 1})
    sandbox_server.advance(days=10)
    later = START + timedelta(days=21)
    ours, seen = look(changes.Switch(added.id, dearer, 1, later), made.id, later)
    assert [line.amount_minor for line in ours.lines] == [3_000]  # 93.00 * 10/31
    told = sorted((row.theirs.amount_minor if row.theirs else 0, row.cause) for row in seen.rows)
    assert told == [(-2_000, "not_billed"), (3_000, None), (4_000, "waiting")]
    assert "is on no invoice yet" in ours.notes[0]


def test_usage_and_a_discount_are_left_to_stripe_and_said(
    look: Look, sandbox_server: SandboxServer, stripe_sdk: stripe.StripeClient
) -> None:
    """Half price: 15.50 was billed, 10.00 of it goes back; the new price at half is 20.00, which stands here as 40.00."""
    tokens = price(stripe_sdk, 1, recurring={"interval": "month", "usage_type": "metered", "meter": meter(stripe_sdk)})
    coupon = stripe_sdk.v1.coupons.create({"percent_off": 50, "duration": "forever"}).id
    made = subscribe(stripe_sdk, customer(stripe_sdk), price(stripe_sdk, 3_100), tokens, discounts=[{"coupon": coupon}])
    dearer = price(stripe_sdk, 6_200)
    item = made["items"].data[0].id
    sandbox_server.advance(days=11)
    ours, seen = look(changes.Switch(item, dearer, 1, AT), made.id, AT)
    assert [(row.difference_minor, row.cause) for row in seen.rows] == [(0, None), (-2_000, "discount")]
    assert UNKNOWN_DISCOUNT in ours.notes


def test_the_end_of_a_trial_bills_a_period_and_a_switch_within_it_nothing(
    look: Look, stripe_sdk: stripe.StripeClient
) -> None:
    basic = price(stripe_sdk, 3_100)
    made = subscribe(stripe_sdk, customer(stripe_sdk), basic, trial_period_days=14)
    ours, seen = look(changes.EndTrial(), made.id, START)
    assert [(row.ours and row.ours.amount_minor, row.difference_minor) for row in seen.rows] == [(3_100, 0)]
    assert "for a new period of 1 month" in ours.lines[0].explanation


LINE = Line("credit", "1 x Basic", -2_000, "usd", AT, START + timedelta(days=31), "")
NOTHING = Estimate((), None, (), has_unknown_discount=False)
AS_IT_WAS = {"items": {"data": [{"current_period_end": EMPTY_STARTS_AT + 31 * 86_400, "price": {"recurring": {}}}]}}


def preview(*given: tuple[int, datetime, bool]) -> dict[str, Any]:
    data = [
        {
            "id": f"il_{place}",
            "description": "theirs",
            "amount": minor,
            "currency": "usd",
            "period": {"start": int(start.timestamp()), "end": EMPTY_STARTS_AT + 31 * 86_400},
            "parent": {"type": "subscription_item_details", "subscription_item_details": {"proration": is_proration}},
        }
        for place, (minor, start, is_proration) in enumerate(given)
    ]
    return {"lines": {"data": data}, "total_taxes": [{"amount": 7}], "amount_due": 1, "total": 1, "currency": "usd"}


@pytest.mark.parametrize(
    ("ours", "theirs", "cause"),
    [
        ([LINE], (-2_001, AT, True), "rounding"),
        ([LINE], (-1_234, AT, True), "unexplained"),
        ([], (500, AT, True), "unexplained"),
        ([replace(LINE, start=START)], (-2_000, START, True), None),
    ],
)
def test_a_difference_is_named_or_said_to_be_unexplained(ours: Any, theirs: Any, cause: str | None) -> None:
    seen = compare(replace(NOTHING, lines=tuple(ours)), preview(theirs), AS_IT_WAS)
    assert [row.cause for row in seen.rows] == [cause]
    assert seen.is_explained == (cause != "unexplained")
    assert (seen.tax_minor, seen.due_minor) == (7, 1)
    assert cause is None or cause in CAUSES


def test_what_waited_already_and_the_next_period_are_no_part_of_the_change() -> None:
    end = START + timedelta(days=31)
    both = preview((-2_000, AT, True), (300, START + timedelta(days=3), True), (3_100, end, False))
    seen = compare(replace(NOTHING, lines=(LINE,)), both, AS_IT_WAS)
    assert [row.cause for row in seen.rows] == [None, "waiting", "next_period"]


def test_a_credit_uses_up_the_line_it_names() -> None:
    """One line for 31 days; a credit from day 11 on names it, so it is paid until then and 20.00 of it are back."""
    item = {"id": "si_1", "price": {"id": "price_1"}}
    period = {"start": EMPTY_STARTS_AT, "end": EMPTY_STARTS_AT + 31 * 86_400}
    pricing = {"price_details": {"price": "price_1"}}
    plain = {"currency": "usd", "description": "Basic", "pricing": pricing}
    own = {"type": "subscription_item_details", "subscription_item_details": {"subscription_item": "si_1"}}
    named = {"proration_details": {"credited_items": {"invoice_line_items": ["il_1"]}}}
    line = plain | {"id": "il_1", "amount": 3_100, "period": period, "parent": own}
    credit = plain | {
        "id": "il_2",
        "amount": -2_000,
        "period": {**period, "start": int(AT.timestamp())},
        "parent": {"type": "invoice_item_details", "invoice_item_details": named},
    }
    [left] = debits([reads.Billed(line, 3_100, 0), reads.Billed(credit, 0, 0)], item)
    assert (left.paid_until, left.credited_minor, left.left_minor) == (AT, 2_000, 1_100)
    assert USAGE.startswith("Usage")
