"""Cards on file: Stripe's test cards by name, what banks answer, and the script a demo card follows."""

import hashlib

from sandbox.billing.declines import DECLINES
from sandbox.billing.params import merge_metadata, metadata, required
from sandbox.billing.refusals import addressed, invalid, no_such, referred
from sandbox.objects import StripeObject
from sandbox.objects.customers import billing_details, card, payment_method
from sandbox.state import State

APPROVED = "approved"
# Kinds with this prefix are the sandbox's own; no route serves them.
SCRIPT = "sandbox.card_script"


_DISPUTED = {"pm_card_createDispute": "dispute", "pm_card_createDisputeInquiry": "inquiry"}
TEST_CARDS: dict[str, tuple[str, str, list[str]]] = {
    "pm_card_visa": ("visa", "4242", [APPROVED]),
    "pm_card_mastercard": ("mastercard", "4444", [APPROVED]),
    "pm_card_amex": ("amex", "8431", [APPROVED]),
    "pm_card_bypassPending": ("visa", "0077", [APPROVED]),
    "pm_card_threeDSecure": ("visa", "3220", [APPROVED]),
    "pm_card_pendingRefund": ("visa", "7726", [APPROVED]),
    "pm_card_refundFail": ("visa", "5126", [APPROVED]),
    "pm_card_createDispute": ("visa", "0259", [APPROVED]),
    "pm_card_createDisputeInquiry": ("visa", "1976", [APPROVED]),
    "pm_card_chargeCustomerFail": ("visa", "0341", ["generic_decline"]),
    "pm_card_visa_chargeDeclined": ("visa", "0002", ["generic_decline"]),
    "pm_card_chargeDeclined": ("visa", "0002", ["generic_decline"]),
    "pm_card_chargeDeclinedInsufficientFunds": ("visa", "9995", ["insufficient_funds"]),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("visa", "9995", ["insufficient_funds"]),
    "pm_card_chargeDeclinedLostCard": ("visa", "9987", ["lost_card"]),
    "pm_card_visa_chargeDeclinedLostCard": ("visa", "9987", ["lost_card"]),
    "pm_card_chargeDeclinedStolenCard": ("visa", "9979", ["stolen_card"]),
    "pm_card_visa_chargeDeclinedStolenCard": ("visa", "9979", ["stolen_card"]),
    "pm_card_chargeDeclinedExpiredCard": ("visa", "0069", ["expired_card"]),
    "pm_card_chargeDeclinedIncorrectCvc": ("visa", "0127", ["incorrect_cvc"]),
    "pm_card_chargeDeclinedProcessingError": ("visa", "0119", ["processing_error"]),
    "pm_card_chargeDeclinedFraudulent": ("visa", "0019", ["fraudulent"]),
    "pm_card_authenticationRequired": ("visa", "3184", ["authentication_required"]),
    "pm_card_authenticationRequiredOnSetup": ("visa", "3155", ["authentication_required"]),
    "tok_visa": ("visa", "4242", [APPROVED]),
    "tok_mastercard": ("mastercard", "4444", [APPROVED]),
    "tok_chargeCustomerFail": ("visa", "0341", ["generic_decline"]),
}


def _make(state: State, brand: str, last4: str, outcomes: list[str], **given: object) -> StripeObject:
    id_ = state.new_id("pm")
    fingerprint = hashlib.sha256(f"{brand}{last4}".encode()).hexdigest()[:16]
    details = card(
        brand=brand,
        last4=last4,
        fingerprint=fingerprint,
        country=str(given.pop("country", None) or "US"),
        exp_month=8,
        exp_year=2031,
    )
    made = payment_method(id_, state.now, card_details=details, **given)
    set_card_outcomes(state, id_, outcomes)
    return state.put(made)


def set_card_outcomes(state: State, id_: str, outcomes: list[str]) -> None:
    """What the bank answers to the next attempts on this card, one word each, the last for ever after.

    A word is `approved` or a decline code; `dispute` and `inquiry` approve and let the cardholder complain at once.
    Raises 400 on another word.
    """
    for word in outcomes:
        if word not in DECLINES and word not in {APPROVED, *_DISPUTED.values()}:
            raise invalid(
                f"No bank answers '{word}': give approved, dispute, inquiry or a decline code.", param="outcomes"
            )
    state.put({"id": id_, "object": SCRIPT, "outcomes": list(outcomes)})


def next_outcome(state: State, id_: str) -> str:
    """The bank's answer to one more attempt on the card."""
    script = state.objects.get(SCRIPT, {}).get(id_)
    if script is None:
        return APPROVED
    outcomes: list[str] = script["outcomes"]
    return outcomes.pop(0) if len(outcomes) > 1 else outcomes[0]


def bar(state: State, id_: str) -> None:
    """The card's bank said never to try it again: Stripe will not ask it any more."""
    script = state.objects[SCRIPT].get(id_)
    if script is not None:
        script["is_barred"] = True


def is_barred(state: State, id_: str) -> bool:
    """True when the card was declined with `do_not_try_again` and has not been changed since."""
    return bool(state.objects[SCRIPT].get(id_, {}).get("is_barred"))


def create_payment_method(state: State, params: StripeObject) -> StripeObject:
    """A card that no customer has yet; `card[token]` and `card[number]` decide how it behaves."""
    if required(params, "type") != "card":
        raise invalid("Only cards can be added in the sandbox.", param="type")
    given = params.get("card") or {}
    token = given.get("token")
    brand, last4, outcomes = TEST_CARDS.get(str(token or "pm_card_visa"), ("", "", [APPROVED]))
    if not brand:
        raise no_such("token", str(token), param="card[token]", status=400)
    if given.get("number"):
        last4 = str(given["number"])[-4:]
        outcomes = next((done for _, last, done in TEST_CARDS.values() if last == last4), [APPROVED])
    return _make(
        state,
        brand,
        last4,
        outcomes,
        metadata=metadata(params),
        billing_details=billing_details(params.get("billing_details")),
    )


def resolve_payment_method(state: State, id_or_name: str, customer_id: str | None) -> StripeObject:
    """The payment method of this id; Stripe's test names make a fresh card, as they do at Stripe."""
    if id_or_name in TEST_CARDS:
        brand, last4, outcomes = TEST_CARDS[id_or_name]
        outcomes = [_DISPUTED[id_or_name]] if id_or_name in _DISPUTED else outcomes
        owner = state.objects.get("customer", {}).get(customer_id or "")
        return _make(state, brand, last4, list(outcomes), customer=customer_id, billing_details=billing_details(owner))
    return referred(state, "payment_method", id_or_name, "payment_method")


def attach_payment_method(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Put a card on a customer's file."""
    customer = referred(state, "customer", required(params, "customer"), "customer")
    method = (
        resolve_payment_method(state, id_, customer["id"])
        if id_ in TEST_CARDS
        else addressed(state, "payment_method", id_)
    )
    if method["customer"] not in (None, customer["id"]):
        raise invalid("The payment method you provided has already been attached to a customer.")
    method["customer"] = customer["id"]
    state.emit("payment_method.attached", method)
    return method


def detach_payment_method(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """Take a card off its customer's file."""
    method = addressed(state, "payment_method", id_)
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    customer = state.objects["customer"][method["customer"]]
    if customer["invoice_settings"]["default_payment_method"] == id_:
        customer["invoice_settings"]["default_payment_method"] = None
    for subscription in state.objects["subscription"].values():
        if subscription["default_payment_method"] == id_:
            subscription["default_payment_method"] = None
            state.emit("customer.subscription.updated", subscription, {"default_payment_method": id_})
    method["customer"] = None
    state.emit("payment_method.detached", method)
    return method


def update_payment_method(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Change a card's metadata or expiry."""
    method = addressed(state, "payment_method", id_)
    merge_metadata(method, params)
    for name in ("exp_month", "exp_year"):
        if name in (params.get("card") or {}):
            method["card"][name] = int(params["card"][name])
            state.objects[SCRIPT].get(id_, {}).pop("is_barred", None)
    state.emit("payment_method.updated", method)
    return method
