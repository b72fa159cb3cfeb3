"""What waits on the support desk: refunds asked for or on their way, disputes, and prepaid credit to sell."""

from functools import partial

from sandbox import billing
from sandbox.billing.calendar import DAY, HOUR, moment
from sandbox.company.people import Book
from sandbox.company.roster import FAILED_REFUND, PREPAID, PREPAID_EUR, SLOW_REFUND
from sandbox.company.timeline import Timeline
from sandbox.objects import StripeObject
from sandbox.state import State

# (account, days before as_of, reason, who asked)
REFUND_REQUESTS = (
    (8, 2, "Charged for seats we had removed before the renewal", "finance@fernhollow-health.example"),
    (15, 4, "Doppelt bezahlt, bitte eine Rechnung erstatten", "inkoop@tulpenveld-media.example"),
    (25, 1, "Cancelled last week but was billed again", "owner@sablewood-interiors.example"),
    (43, 6, "Upgraded by mistake, please refund the difference", "billing@amberjack-shipping.example"),
    (11, 3, "The service was down for two days", "hello@pinwheel-tutoring.example"),
)
# (account, month, day, share of the charge in percent, reason)
PAST_REFUNDS = (
    (12, 2, 22, 100, "requested_by_customer"),
    (35, 4, 25, 40, "requested_by_customer"),
    (22, 6, 11, 100, "duplicate"),
    (26, 7, 27, 25, "requested_by_customer"),
    (37, 9, 24, 100, "requested_by_customer"),
    (14, 10, 26, 50, "requested_by_customer"),
    (41, 12, 23, 100, "duplicate"),
)
# (account, days opened before as_of, days until due or None when the bank takes no answer, reason, status); the first is of a
# card that paid often before, so Visa's compelling evidence is open to it.
WAITING_DISPUTES = (
    (35, 4, 5, "fraudulent", "needs_response"),
    (36, 6, 11, "subscription_canceled", "needs_response"),
    (49, 2, 12, "product_unacceptable", "warning_needs_response"),
    (42, 9, None, "unrecognized", "warning_needs_response"),
)
# (account, days warned before as_of, fraud type); and the one that came before a dispute: (account, month, day, fraud type)
FRAUD_WARNINGS = ((51, 2, "made_with_stolen_card"),)
PAST_FRAUD_WARNING = (18, 11, 17, "unauthorized_use_of_card")
# (account, month, day, reason, how it ended: "answered" is still with the bank)
PAST_DISPUTES = (
    (29, 5, 16, "fraudulent", "lost"),
    (28, 8, 20, "product_not_received", "won"),
    (18, 11, 19, "fraudulent", "lost"),
    (22, 12, 27, "credit_not_processed", "answered"),
)
# (account, month, minor units, currency)
GRANTS = (
    (PREPAID, 1, 60_000, "paid"),
    (PREPAID, 5, 80_000, "paid"),
    (PREPAID, 9, 100_000, "paid"),
    (PREPAID, 12, 90_000, "paid"),
    (PREPAID_EUR, 3, 40_000, "paid"),
    (PREPAID_EUR, 8, 50_000, "paid"),
    (PREPAID_EUR, 13, 45_000, "paid"),
    (31, 2, 10_000, "promotional"),
)


def plan_desk(timeline: Timeline, book: Book) -> None:
    """Put refunds, requests, disputes and credit sales on the timeline."""
    span = book.span
    for account, days, reason, who in REFUND_REQUESTS:
        request = partial(_request_refund, book=book, account=account, reason=reason, who=who)
        timeline.plan(span.as_of - days * DAY - 5 * HOUR, request)
    for account, month, day, percent, reason in PAST_REFUNDS:
        refund = partial(_refund, book=book, account=account, percent=percent, reason=reason)
        timeline.plan(span.at(month, day, hour=11), refund)
    for account, card, percent, at in (
        (SLOW_REFUND, "pm_card_pendingRefund", 30, span.as_of - 30 * HOUR),
        (FAILED_REFUND, "pm_card_refundFail", 100, span.at(12, 15)),
    ):
        timeline.plan(span.month(10), partial(_change_card, book=book, account=account, card=card))
        refund = partial(_refund, book=book, account=account, percent=percent, reason="requested_by_customer")
        timeline.plan(at, refund)
    for account, month, amount, category in GRANTS:
        sale = partial(_sell_credit, book=book, account=account, amount=amount, category=category)
        timeline.plan(span.at(month, 2, hour=9), sale)
    _plan_disputes(timeline, book)


def _plan_disputes(timeline: Timeline, book: Book) -> None:
    span = book.span
    for account, opened, due, reason, status in WAITING_DISPUTES:
        due_by = None if due is None else span.as_of + due * DAY
        params = {"reason": reason, "status": status, "due_by": due_by}
        at = span.as_of - opened * DAY + 3 * HOUR
        timeline.plan(at, partial(_dispute, book=book, account=account, params=params))
    for account, month, day, reason, end in PAST_DISPUTES:
        complaint = partial(_past_dispute, timeline=timeline, book=book, account=account, reason=reason, end=end)
        timeline.plan(span.at(month, day, hour=3), complaint)
    for account, warned, fraud_type in FRAUD_WARNINGS:
        at = span.as_of - warned * DAY + 2 * HOUR
        timeline.plan(at, partial(_fraud_warning, book=book, account=account, fraud_type=fraud_type))
    account, month, day, fraud_type = PAST_FRAUD_WARNING
    warning = partial(_fraud_warning, book=book, account=account, fraud_type=fraud_type)
    timeline.plan(span.at(month, day, hour=3), warning)


def latest_charge(state: State, book: Book, account: int) -> StripeObject | None:
    """The account's last charge that went well and that nobody has touched since."""
    if account not in book.customers:
        return None
    good = [
        charge
        for charge in state.objects["charge"].values()
        if charge["customer"] == book.customers[account]
        and charge["status"] == "succeeded"
        and charge["amount_refunded"] == 0
        and not charge["disputed"]
    ]
    return good[-1] if good else None


def _request_refund(state: State, book: Book, account: int, reason: str, who: str) -> None:
    charge = latest_charge(state, book, account)
    if charge is not None:
        asked = {
            "refund_requested_at": f"{moment(state.now):%Y-%m-%dT%H:%M:%SZ}",
            "refund_request_reason": reason,
            "refund_requested_by": who,
        }
        billing.update_charge(state, charge["id"], {"metadata": asked})


def _refund(state: State, book: Book, account: int, percent: int, reason: str) -> None:
    charge = latest_charge(state, book, account)
    if charge is not None:
        amount = charge["amount"] * percent // 100
        billing.create_refund(state, {"charge": charge["id"], "amount": amount, "reason": reason})


def _change_card(state: State, book: Book, account: int, card: str) -> None:
    if account in book.customers:
        billing.update_customer(
            state,
            book.customers[account],
            {"payment_method": card, "invoice_settings": {"default_payment_method": card}},
        )


def _dispute(state: State, book: Book, account: int, params: StripeObject) -> StripeObject | None:
    charge = latest_charge(state, book, account)
    return None if charge is None else billing.open_dispute(state, charge["id"], params)


def _past_dispute(state: State, timeline: Timeline, book: Book, account: int, reason: str, end: str) -> None:
    opened = _dispute(state, book, account, {"reason": reason})
    if opened is None:
        return
    if end != "lost":
        # That kind is left unanswered, and lost when its deadline has passed.
        params = {"evidence": {"uncategorized_text": "Signed order and access log of the month."}}
        timeline.plan(state.now + 3 * DAY, partial(billing.update_dispute, id_=opened["id"], params=params))
    if end == "won":
        timeline.plan(state.now + 35 * DAY, partial(billing.resolve_dispute, id_=opened["id"], status=end))


def _fraud_warning(state: State, book: Book, account: int, fraud_type: str) -> None:
    charge = latest_charge(state, book, account)
    if charge is not None:
        billing.raise_fraud_warning(state, charge["id"], {"fraud_type": fraud_type})


def _sell_credit(state: State, book: Book, account: int, amount: int, category: str) -> None:
    """A block of prepaid credit: paid by an invoice of its own, or given away."""
    customer = state.objects["customer"].get(book.customers.get(account, ""))
    if customer is None:
        return
    currency = customer["currency"]
    if category == "paid":
        text = f"Prepaid credit, {amount // 100:,} {currency.upper()}"
        billing.create_invoiceitem(
            state, {"customer": customer["id"], "amount": amount, "currency": currency, "description": text}
        )
        invoice = billing.create_invoice(
            state, {"customer": customer["id"], "currency": currency, "pending_invoice_items_behavior": "include"}
        )
        billing.finalize_invoice(state, invoice["id"], {})
        billing.pay_invoice(state, invoice["id"], {})
    billing.create_credit_grant(
        state,
        {
            "customer": customer["id"],
            "name": "Prepaid credit" if category == "paid" else "Thank-you credit",
            "amount": {"type": "monetary", "monetary": {"value": amount, "currency": currency}},
            "category": category,
        },
    )
