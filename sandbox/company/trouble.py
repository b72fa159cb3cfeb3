"""Payments that fail: about 2,500 dollars a month, in many ways, most of them recovered."""

from functools import partial

from sandbox import billing
from sandbox.billing.arithmetic import price_amount, settle
from sandbox.billing.calendar import DAY
from sandbox.billing.cards import APPROVED
from sandbox.company.months import Span
from sandbox.company.people import Book
from sandbox.company.roster import (
    ANNUAL,
    BURNER,
    FAILED_REFUND,
    JUMPER,
    MONTHS,
    POWER_USER,
    PREPAID,
    PREPAID_EUR,
    SLOW_REFUND,
)
from sandbox.company.timeline import Timeline
from sandbox.objects import StripeObject
from sandbox.state import State

TARGET_MINOR = 250_000
CLOSE_ENOUGH_MINOR = 8_000
# Early on there is less to fail: at most this share of the month's expected invoices.
SHARE_MAX_PERCENT = 20
SPARED = {POWER_USER, JUMPER, BURNER, ANNUAL, PREPAID, PREPAID_EUR, SLOW_REFUND, FAILED_REFUND}
FIRST_MONTH, FATAL_MONTHS, UNPAID_MONTH = 1, (4, 7, 10), 11

# What the bank says, try after try; "new card" and "confirm" are the customer's doing, days after the first failure.
SCRIPTS: tuple[tuple[list[str], str, int], ...] = (
    (["insufficient_funds", APPROVED], "", 0),
    (["do_not_honor", "do_not_honor", APPROVED], "", 0),
    (["expired_card"], "new card", 2),
    (["insufficient_funds", "insufficient_funds", APPROVED], "", 0),
    (["authentication_required"], "confirm", 1),
    (["generic_decline", APPROVED], "", 0),
    (["lost_card"], "new card", 5),
    (["processing_error", APPROVED], "", 0),
    (["do_not_honor", APPROVED], "", 0),
    (["issuer_not_available", APPROVED], "", 0),
    (["incorrect_cvc"], "new card", 1),
    (["card_velocity_exceeded", APPROVED], "", 0),
    (["transaction_not_allowed"], "new card", 4),
)
# In the last month some have nobody who helps yet, so that every kind of failure is there to be seen.
LAST_SCRIPTS: tuple[tuple[list[str], str, int], ...] = (
    (["do_not_honor"], "", 0),
    (["insufficient_funds", APPROVED], "", 0),
    (["expired_card"], "", 0),
    (["expired_card"], "new card", 2),
    (["stolen_card"], "", 0),
    (["insufficient_funds"], "", 0),
    (["authentication_required"], "", 0),
    (["processing_error", APPROVED], "", 0),
)


def plan_trouble(timeline: Timeline, book: Book) -> None:
    """Choose at the start of each month whose renewal will fail, and let the burner's last one fail for good."""
    for month in range(FIRST_MONTH, MONTHS):
        timeline.plan(book.span.month(month) + 1, partial(arm_month, timeline=timeline, book=book, month=month))
    outcomes = ["insufficient_funds", "do_not_honor", "insufficient_funds"]
    timeline.plan(book.span.as_of - 11 * DAY, partial(_script, book=book, index=BURNER, outcomes=outcomes))


def arm_month(state: State, timeline: Timeline, book: Book, month: int) -> None:
    """Pick renewals of the month whose sum comes close to the target, and script their cards."""
    due = _renewals(state, book, month)
    expected = {index: usd for index, usd, _ in due}
    target = min(TARGET_MINOR, sum(expected.values()) * SHARE_MAX_PERCENT // 100)
    if month == MONTHS - 1:
        elapsed = book.span.as_of - book.span.month(month)
        target = target * elapsed // (book.span.month(month + 1) - book.span.month(month))
    chosen = _pick(book, due, target)
    for place, (index, _, renews_at) in enumerate(chosen):
        outcomes, then, days = SCRIPTS[(month * 5 + place) % len(SCRIPTS)]
        if month == MONTHS - 1:
            outcomes, then, days = LAST_SCRIPTS[place % len(LAST_SCRIPTS)]
        if place == len(chosen) - 1 and month in FATAL_MONTHS:
            outcomes, then, days = ["insufficient_funds"], "", 0
        if place == len(chosen) - 1 and month == UNPAID_MONTH:
            outcomes, then, days = ["generic_decline"], "", 0
            billing.set_final_dunning(state, book.subscriptions[index], "unpaid")
        _script(state, book, index, outcomes)
        if then:
            at = renews_at + days * DAY + 7200
            timeline.plan(at, partial(_customer_acts, book=book, index=index, how=then))


def _renewals(state: State, book: Book, month: int) -> list[tuple[int, int, int]]:
    """(account, expected dollars in cents, when) of the monthly renewals that fall into the month before `as_of`."""
    span: Span = book.span
    found = []
    for index, id_ in book.subscriptions.items():
        subscription = state.objects["subscription"][id_]
        renews_at = subscription["items"]["data"][0]["current_period_end"]
        ends = subscription["cancel_at"] is not None and subscription["cancel_at"] <= renews_at
        first, last = span.month(month), min(span.month(month + 1), span.as_of) - DAY
        if index in SPARED or subscription["status"] != "active" or ends or not first < renews_at < last:
            continue
        amount, _ = settle(_expected(state, subscription), subscription["currency"], state.now)
        found.append((index, amount, renews_at))
    return found


def _expected(state: State, subscription: StripeObject) -> int:
    """The agreed part of the next invoice plus the metered part of the last, with tax."""
    latest = state.objects["invoice"][subscription["latest_invoice"]]
    metered = sum(line["amount"] for line in latest["lines"]["data"] if "Scale tokens" in str(line["description"]))
    agreed = sum(
        price_amount(state.objects["price"][item["price"]["id"]], item["quantity"])
        for item in subscription["items"]["data"]
        if "quantity" in item
    )
    taxed: int = agreed + metered
    for rate in subscription["default_tax_rates"]:
        if not rate["inclusive"]:
            taxed += int(taxed * rate["percentage"] / 100)
    return taxed


def _pick(book: Book, due: list[tuple[int, int, int]], target: int) -> list[tuple[int, int, int]]:
    """Of some hundred random orders the one whose greedy sum comes closest to the target."""
    best: list[tuple[int, int, int]] = []
    missed = target + 1
    for _ in range(100):
        order = book.random.sample(due, len(due))
        chosen, total = [], 0
        for entry in order:
            if total + entry[1] <= target + CLOSE_ENOUGH_MINOR:
                chosen.append(entry)
                total += entry[1]
        if abs(target - total) < missed and len(chosen) >= min(4, len(due)):
            best, missed = chosen, abs(target - total)
    return sorted(best, key=lambda entry: -entry[1])


def _script(state: State, book: Book, index: int, outcomes: list[str]) -> None:
    customer = state.objects["customer"][book.customers[index]]
    billing.set_card_outcomes(state, customer["invoice_settings"]["default_payment_method"], outcomes)


def _customer_acts(state: State, book: Book, index: int, how: str) -> None:
    """The customer comes back: with a new card, or to confirm the payment with the bank."""
    customer_id = book.customers[index]
    if how == "new card":
        card = "pm_card_mastercard"
        billing.update_customer(
            state, customer_id, {"payment_method": card, "invoice_settings": {"default_payment_method": card}}
        )
    else:
        _script(state, book, index, [APPROVED])
    for invoice in list(state.objects["invoice"].values()):
        if invoice["customer"] == customer_id and invoice["status"] == "open" and invoice["attempted"]:
            billing.pay_invoice(state, invoice["id"], {})
