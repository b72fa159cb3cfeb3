"""When a failed invoice is tried next: the days of the policy, what stops it, and what no policy may ever do."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.decline_classes import MASTERCARD_WAITS, Decline, class_of, wait_of
from billing.network_budgets import budgets_of
from billing.retry_schedule import (
    GIVE_UP_AFTER,
    JITTER_MINUTES,
    TRIES_AT_MOST,
    Attempt,
    FailedInvoice,
    owner_of,
    plan,
)

FAILED_AT = datetime(2026, 11, 2, 9, tzinfo=UTC)  # a Monday
INVOICE = FailedInvoice("in_1", "open", FAILED_AT, "pm_1")
SOFT = Decline("visa", "generic_decline", "try_again_later", "05")
POOR = Decline("visa", "insufficient_funds", "try_again_later", "51")
BUSY = Decline("visa", "processing_error", "try_again_later", "96")
STOLEN = Decline("visa", "stolen_card", "do_not_try_again", "43")
EXPIRED = Decline("visa", "expired_card", "confirm_card_data", "54")
JITTER = timedelta(minutes=JITTER_MINUTES)


def tried(*declines: Decline, at: datetime = FAILED_AT) -> list[Attempt]:
    return [Attempt(at + timedelta(days=day), "ours", decline, "pm_1") for day, decline in enumerate(declines)]


def played_out(invoice: FailedInvoice, decline: Decline) -> list[Attempt]:
    """All tries of an invoice whose card always answers the same, each made when it is due."""
    made = [Attempt(invoice.failed_at, "stripe", decline, "pm_1")]
    while (planned := plan(invoice, made, made[-1].at)).verdict == "retry":
        assert planned.at is not None
        made.append(Attempt(planned.at, "ours", decline, "pm_1"))
    return made


def test_a_soft_decline_is_tried_on_days_1_3_5_8_11_16_and_22() -> None:
    made = played_out(INVOICE, SOFT)
    assert [(attempt.at.date() - FAILED_AT.date()).days for attempt in made] == [0, 1, 3, 5, 8, 11, 16, 22]
    assert len(made) == TRIES_AT_MOST
    assert all(8 <= attempt.at.hour < 15 for attempt in made[1:])


def test_a_busy_bank_is_tried_after_three_hours_then_ever_more_slowly() -> None:
    made = played_out(INVOICE, BUSY)
    gaps = [made[n + 1].at - made[n].at for n in range(len(made) - 1)]
    for gap, expected in zip(gaps, [timedelta(hours=3), *(timedelta(days=days) for days in (1, 2, 4, 8))], strict=True):
        assert expected <= gap < expected + JITTER


def test_an_expired_card_is_tried_after_6_and_12_days_in_case_it_was_renewed() -> None:
    assert [(attempt.at.date() - FAILED_AT.date()).days for attempt in played_out(INVOICE, EXPIRED)] == [0, 6, 12]


def test_an_empty_account_is_tried_on_the_next_pay_day() -> None:
    thursday = datetime(2026, 11, 12, 9, tzinfo=UTC)
    planned = plan(replace(INVOICE, failed_at=thursday), tried(POOR, at=thursday), thursday)
    friday_at_ten = datetime(2026, 11, 13, 10, tzinfo=UTC)
    assert planned.at is not None
    assert friday_at_ten <= planned.at < friday_at_ten + JITTER


def test_tries_come_in_the_customers_morning() -> None:
    in_tokyo = replace(INVOICE, zone=ZoneInfo("Asia/Tokyo"))
    planned = plan(in_tokyo, tried(SOFT), FAILED_AT)
    ten_in_tokyo = datetime(2026, 11, 4, 10, tzinfo=ZoneInfo("Asia/Tokyo"))  # 3 Nov 09:00 UTC is 18:00 there: too late
    assert planned.at is not None
    assert ten_in_tokyo <= planned.at < ten_in_tokyo + JITTER


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"status": "paid"}, "paid"),
        ({"status": "void"}, "void"),
        ({"status": "uncollectible"}, "uncollectible"),
        ({"is_disputed": True}, "disputed"),
        ({"is_subscription_canceled": True}, "canceled"),
        ({"is_written_off": True}, "written_off"),
        ({"is_collected_by_hand": True}, "sent_invoice"),
    ],
)
def test_what_is_over_is_neither_tried_nor_mailed(changed: dict[str, object], reason: str) -> None:
    planned = plan(replace(INVOICE, **changed), tried(SOFT), FAILED_AT)  # type: ignore[arg-type]  # named fields
    assert (planned.verdict, planned.reason, planned.mails) == ("stop", reason, ())


def test_a_hard_decline_waits_for_the_customer_and_tells_them_at_once() -> None:
    planned = plan(INVOICE, tried(STOLEN), FAILED_AT)
    assert (planned.verdict, planned.reason, planned.at) == ("needs_customer", "hard_decline", None)
    assert [mail.at - FAILED_AT for mail in planned.mails] == [
        timedelta(minutes=30),
        timedelta(days=4),
        timedelta(days=10),
    ]


def test_a_hard_decline_stays_hard_when_a_later_try_says_less() -> None:
    assert plan(INVOICE, tried(STOLEN, SOFT), FAILED_AT).reason == "hard_decline"


def test_another_card_is_tried_at_once() -> None:
    now = FAILED_AT + timedelta(days=2)
    planned = plan(replace(INVOICE, payment_method_id="pm_2"), tried(STOLEN), now)
    assert (planned.verdict, planned.reason, planned.at) == ("retry", "new_card", now)


def test_an_authentication_is_left_to_the_customer() -> None:
    planned = plan(INVOICE, tried(Decline("visa", "authentication_required", "try_again_later")), FAILED_AT)
    assert (planned.verdict, planned.reason) == ("needs_customer", "authentication")


def test_an_invoice_that_stripe_retries_is_left_to_stripe() -> None:
    in_three_days = FAILED_AT + timedelta(days=3)
    theirs = replace(INVOICE, next_payment_attempt=in_three_days, auto_advance=True)
    planned = plan(theirs, tried(SOFT), FAILED_AT)
    assert (planned.verdict, planned.owner, planned.at) == ("stripe_owns", "stripe", in_three_days)
    assert owner_of(replace(theirs, next_payment_attempt=None), tried(SOFT)) == "ours"
    assert owner_of(replace(theirs, next_payment_attempt=None), []) == "stripe"


def test_a_snooze_holds_the_next_try_back() -> None:
    until = FAILED_AT + timedelta(days=4)
    planned = plan(replace(INVOICE, snoozed_until=until), tried(SOFT), FAILED_AT)
    assert (planned.reason, planned.at) == ("snoozed", until)


def test_a_try_that_was_missed_by_night_waits_for_the_morning() -> None:
    night = datetime(2026, 11, 5, 2, tzinfo=UTC)
    assert plan(INVOICE, tried(SOFT), night).at == datetime(2026, 11, 5, 10, tzinfo=UTC)


CODES = st.sampled_from(
    ["insufficient_funds", "generic_decline", "processing_error", "expired_card", "try_again_later", None]
)
DECLINES = st.builds(
    Decline,
    st.sampled_from(["visa", "mastercard", "amex", None]),
    CODES,
    st.sampled_from(["try_again_later", "confirm_card_data", None]),
    st.none(),
    st.sampled_from([*MASTERCARD_WAITS, None]),
)
ZONES = st.sampled_from(["UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"]).map(ZoneInfo)


@settings(max_examples=60, deadline=None)
@given(st.lists(DECLINES, min_size=1, max_size=14), ZONES, st.integers(0, 60 * 24 * 40), st.data())
def test_no_plan_ever_breaks_a_network_rule(
    declines: list[Decline], zone: ZoneInfo, late_minutes: int, data: st.DataObject
) -> None:
    """Play a card's answers out, each try made when planned or later, with tries of the customer in between."""
    invoice = replace(INVOICE, zone=zone, failed_at=FAILED_AT + timedelta(minutes=late_minutes))
    made = [Attempt(invoice.failed_at, "stripe", declines[0], "pm_1")]
    for decline in declines[1:]:
        planned = plan(invoice, made, made[-1].at)
        if planned.verdict != "retry":
            break
        assert planned.at is not None
        assert planned.at >= made[-1].at + wait_of(made[-1].decline)
        assert planned.at >= made[-1].at, "plans move forward"
        assert planned.at <= invoice.failed_at + GIVE_UP_AFTER
        late = timedelta(minutes=data.draw(st.integers(0, 600)))
        again = plan(invoice, made, planned.at + late)
        assert again.verdict == "stop" or (again.at is not None and again.at >= planned.at), (
            "waiting brings nothing forward"
        )
        for budget in budgets_of(made[-1].decline.brand):
            spent = sum(planned.at - budget.window < one.at <= planned.at for one in made)
            assert spent < budget.tries
        made.append(Attempt(planned.at, data.draw(st.sampled_from(["ours", "customer"])), decline, "pm_1"))
    assert sum(attempt.by in {"stripe", "ours"} for attempt in made) <= TRIES_AT_MOST


@settings(max_examples=40, deadline=None)
@given(st.integers(9, 40), st.sampled_from(["visa", "mastercard", None]))
def test_a_budget_used_up_by_others_is_waited_for(tries: int, brand: str | None) -> None:
    """The customer pressed "pay" again and again: our next try waits until the network allows one more."""
    decline = Decline(brand, "generic_decline", "try_again_later")
    made = [Attempt(FAILED_AT + timedelta(minutes=5 * n), "customer", decline, "pm_1") for n in range(tries)]
    planned = plan(INVOICE, made, made[-1].at)
    if planned.at is not None:
        for budget in budgets_of(brand):
            assert sum(planned.at - budget.window < one.at <= planned.at for one in made) < budget.tries
    else:
        assert planned.reason == "too_late"


@given(DECLINES)
def test_the_class_depends_on_the_decline_alone(decline: Decline) -> None:
    assert class_of(decline) == plan(INVOICE, tried(decline), FAILED_AT).decline_class
