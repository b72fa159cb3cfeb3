"""When Stripe tries a failed payment again: days after each failure, or spread over two weeks as Smart Retries are."""

import hashlib

from sandbox.billing.calendar import DAY
from sandbox.billing.params import integer, list_of
from sandbox.billing.refusals import invalid
from sandbox.objects import StripeObject
from sandbox.state import State

RETRIES = "sandbox.retries"
ACCOUNT = "account"
RETRY_AFTER_DAYS = [3, 5, 7]
TRIES_MAX, WITHIN_DAYS_MAX = 8, 60


def set_retries(state: State, params: StripeObject) -> StripeObject:
    """Sandbox control: `after_days`, the days after each failure; or `tries` spread `within_days` of the finalization.

    Without either, eight tries within two weeks, as Stripe recommends. Raises 400 on what Stripe's settings do not offer.
    """
    made: StripeObject = {"id": ACCOUNT, "object": RETRIES}
    if "after_days" in params:
        days = [int(one) for one in list_of(params, "after_days")]
        if len(days) > TRIES_MAX or any(day < 1 for day in days):
            raise invalid(f"Give at most {TRIES_MAX} numbers of days, each 1 or more: not {days}.", param="after_days")
        return state.put(made | {"after_days": days})
    tries, within_days = integer(params, "tries", TRIES_MAX) or 0, integer(params, "within_days", 14) or 0
    if not 1 <= tries <= TRIES_MAX or not 1 <= within_days <= WITHIN_DAYS_MAX:
        raise invalid(
            f"Give 1 to {TRIES_MAX} tries within 1 to {WITHIN_DAYS_MAX} days, not {tries} within {within_days}.",
            param="tries",
        )
    return state.put(made | {"tries": tries, "within_days": within_days})


def next_try(state: State, invoice: StripeObject) -> int | None:
    """When a payment that failed just now is tried again; None when it was the last try."""
    setting = state.objects[RETRIES].get(ACCOUNT, {"after_days": RETRY_AFTER_DAYS})
    if "after_days" in setting:
        failed = invoice["attempt_count"]
        days = setting["after_days"]
        return state.now + days[failed - 1] * DAY if failed <= len(days) else None
    step = setting["within_days"] * DAY // setting["tries"]
    begun = invoice["status_transitions"]["finalized_at"]
    moments = [begun + number * step - _earlier(invoice, number, step) for number in range(1, setting["tries"] + 1)]
    return next((at for at in moments if at > state.now), None)


def _earlier(invoice: StripeObject, number: int, step: int) -> int:
    """Smart Retries choose the hour: up to half a step earlier, the same for the same invoice and try."""
    chosen = int.from_bytes(hashlib.sha256(f"{invoice['id']}:{number}".encode()).digest()[:4], "big")
    return chosen % (step // 2)
