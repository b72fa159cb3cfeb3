"""Visa's compelling evidence 3.0: two earlier payments with the same card, undisputed, by what is recognizably the same person."""

from sandbox.billing.calendar import DAY
from sandbox.objects import StripeObject
from sandbox.state import State

REASON_CODE = "10.4"
PRIORS_NEEDED = 2
YOUNGEST_DAYS, OLDEST_DAYS = 120, 364
# At least two of these must be the same in all three payments, one of them out of DEVICE.
IDENTIFIERS = (
    "customer_account_id",
    "customer_device_fingerprint",
    "customer_device_id",
    "customer_email_address",
    "customer_purchase_ip",
    "shipping_address",
)
DEVICE = {"customer_device_fingerprint", "customer_device_id", "customer_purchase_ip"}
DEVICE_ID_CHARACTERS_MIN, FINGERPRINT_CHARACTERS_MIN = 15, 20
MATCHES_NEEDED = 2


def is_eligible(state: State, dispute: StripeObject) -> bool:
    """A Visa chargeback over 10.4 whose card paid at least twice, undisputed, 120 to 364 days before."""
    card = dispute["payment_method_details"]["card"]
    is_about_it = card["brand"] == "visa" and card["case_type"] == "chargeback"
    return (
        is_about_it and dispute["network_reason_code"] == REASON_CODE and len(_priors(state, dispute)) >= PRIORS_NEEDED
    )


def _priors(state: State, dispute: StripeObject) -> set[str]:
    """The ids of the charges that may be named as prior undisputed transactions."""
    charges = state.objects["charge"]
    about = charges[dispute["charge"]]
    disputed = {one["charge"] for one in state.objects["dispute"].values()}
    return {
        charge["id"]
        for charge in charges.values()
        if charge["payment_method"] == about["payment_method"]
        and charge["status"] == "succeeded"
        and charge["id"] not in disputed
        and YOUNGEST_DAYS * DAY <= about["created"] - charge["created"] <= OLDEST_DAYS * DAY
    }


def standing(state: State, dispute: StripeObject) -> StripeObject:
    """`status` and `required_actions` of the evidence given so far; priors that cannot count make it `not_qualified`."""
    enhanced = dispute["evidence"]["enhanced_evidence"].get("visa_compelling_evidence_3") or {}
    about = enhanced.get("disputed_transaction") or {}
    priors = enhanced.get("prior_undisputed_transactions") or []
    if not {prior.get("charge") for prior in priors} <= _priors(state, dispute):
        return {"status": "not_qualified", "required_actions": []}
    wanted = {
        "missing_customer_identifiers": not _is_same_person(about, priors),
        "missing_disputed_transaction_description": not about.get("product_description"),
        "missing_merchandise_or_services": not about.get("merchandise_or_services"),
        "missing_prior_undisputed_transaction_description": not all(one.get("product_description") for one in priors),
        "missing_prior_undisputed_transactions": len({one.get("charge") for one in priors}) < PRIORS_NEEDED,
    }
    actions = [name for name, is_missing in wanted.items() if is_missing]
    return {"status": "requires_action" if actions else "qualified", "required_actions": actions}


def _is_same_person(about: StripeObject, priors: list[StripeObject]) -> bool:
    same = {
        name
        for name in IDENTIFIERS
        if _counts(name, about.get(name)) and all(prior.get(name) == about[name] for prior in priors)
    }
    return len(same) >= MATCHES_NEEDED and bool(same & DEVICE)


def _counts(name: str, value: object) -> bool:
    """Whether an identifier is there and long enough to tell devices apart."""
    shortest = {
        "customer_device_id": DEVICE_ID_CHARACTERS_MIN,
        "customer_device_fingerprint": FINGERPRINT_CHARACTERS_MIN,
    }
    return bool(value) and len(str(value)) >= shortest.get(name, 1)
