"""When a subscription is to end: at a moment, with its period, or not at all; time beyond the end is not billed."""

from sandbox.billing.params import flag, integer
from sandbox.billing.proration import credit, debit
from sandbox.billing.refusals import invalid
from sandbox.objects import StripeObject
from sandbox.state import State

WITH_PERIOD = {"min_period_end": min, "max_period_end": max}


def set_end(state: State, found: StripeObject, params: StripeObject, *, prorates: bool) -> None:
    """`cancel_at` or `cancel_at_period_end`; paid time after the end is credited, and billed again when the end goes."""
    if "cancel_at" not in params and "cancel_at_period_end" not in params:
        return
    if found["schedule"] is not None:
        raise invalid(
            f"The subscription is managed by the subscription schedule `{found['schedule']}`, and updating any cancelation "
            "behavior directly is not allowed. Please update the schedule instead.",
        )
    before = found["cancel_at"]
    _mark(state, found, params)
    ends = found["cancel_at"]
    if not prorates or found["status"] == "trialing" or before == ends:
        return
    for item in found["items"]["data"]:
        period_end = item["current_period_end"]
        if before is not None and before < period_end:
            debit(state, found, item, before)
        if ends is not None and ends < period_end:
            credit(state, found, item, ends)


def _mark(state: State, found: StripeObject, params: StripeObject) -> None:
    with_period = flag(params, "cancel_at_period_end", default=False)
    given = params.get("cancel_at")
    if with_period and given:
        raise invalid("Only one of `cancel_at` and `cancel_at_period_end` may be set.", param="cancel_at")
    ends = [item["current_period_end"] for item in found["items"]["data"]]
    if with_period:
        cancel_at = max(ends)
    elif str(given) in WITH_PERIOD:
        cancel_at = WITH_PERIOD[str(given)](ends)
    else:
        cancel_at = integer(params, "cancel_at")
        if cancel_at is not None and cancel_at <= state.now:
            raise invalid("`cancel_at` must be a timestamp in the future.", param="cancel_at")
    found["cancel_at_period_end"], found["cancel_at"] = with_period, cancel_at
    found["canceled_at"] = None if cancel_at is None else state.now
    found["cancellation_details"]["reason"] = None if cancel_at is None else "cancellation_requested"
