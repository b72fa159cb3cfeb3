"""Every week the company's bank gets what is available at Stripe."""

from sandbox import billing
from sandbox.billing.calendar import DAY
from sandbox.company.months import Span
from sandbox.company.timeline import Timeline
from sandbox.state import State

EVERY = 7 * DAY


def plan_payouts(timeline: Timeline, span: Span) -> None:
    """One automatic payout a week, from the first week on."""
    for at in range(span.first + EVERY, span.as_of + 1, EVERY):
        timeline.plan(at, _pay_out)


def _pay_out(state: State) -> None:
    if billing.read_balance(state, {})["available"][0]["amount"] > 0:
        billing.pay_out(state)
