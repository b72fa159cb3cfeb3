"""Taking money: payment intents, the charge each attempt leaves behind, and stand-alone charges."""

from sandbox.billing import ledger
from sandbox.billing.cards import bar, is_barred, next_outcome, resolve_payment_method
from sandbox.billing.declines import DECLINES, NEVER, PREVIOUSLY_DECLINED
from sandbox.billing.disputes import open_dispute
from sandbox.billing.params import flag, merge_metadata, metadata, required, required_integer
from sandbox.billing.refusals import addressed, invalid, referred
from sandbox.errors import StripeError
from sandbox.objects import StripeObject
from sandbox.objects import payments as make
from sandbox.objects.customers import charged_card
from sandbox.state import State

COMPLAINTS = {"dispute": "needs_response", "inquiry": "warning_needs_response"}
CONFIRMABLE = {"requires_payment_method", "requires_confirmation", "requires_action"}


def new_intent(state: State, *, amount: int, currency: str, **given: object) -> StripeObject:
    """A payment intent, announced but not confirmed."""
    made = state.put(make.payment_intent(state.new_id("pi"), state.now, amount=amount, currency=currency, **given))
    state.emit("payment_intent.created", made)
    return made


def attempt(state: State, intent: StripeObject, method: StripeObject) -> StripeObject:
    """One try on one card. The charge says how it went; the intent moves on accordingly."""
    outcome = PREVIOUSLY_DECLINED if is_barred(state, method["id"]) else next_outcome(state, method["id"])
    decline = DECLINES.get(outcome)
    charge = _charge(state, intent, method, outcome)
    intent["payment_method"] = method["id"]
    intent["latest_charge"] = charge["id"]
    if decline is None:
        ledger.book_charge(state, charge)
        intent |= {"status": "succeeded", "amount_received": intent["amount"], "last_payment_error": None}
        state.emit("charge.succeeded", charge)
        state.emit("payment_intent.succeeded", intent)
        if outcome in COMPLAINTS:
            open_dispute(state, charge["id"], {"reason": "fraudulent", "status": COMPLAINTS[outcome]})
        return charge
    if decline.advice_code == NEVER and not decline.is_blocked:
        bar(state, method["id"])
    intent["status"] = "requires_payment_method"
    intent["last_payment_error"] = {
        "advice_code": decline.advice_code,
        "charge": charge["id"],
        "code": decline.code,
        "decline_code": outcome,
        "doc_url": f"https://stripe.com/docs/error-codes/{decline.code.replace('_', '-')}",
        "message": decline.message,
        "network_advice_code": decline.network_advice_code,
        "network_decline_code": decline.network_decline_code,
        "payment_method": dict(method),
        "type": "card_error",
    }
    state.emit("charge.failed", charge)
    state.emit("payment_intent.payment_failed", intent)
    return charge


def _charge(state: State, intent: StripeObject, method: StripeObject, outcome: str) -> StripeObject:
    decline = DECLINES.get(outcome)
    verdict = (
        make.authorized()
        if decline is None
        else make.refused(
            reason=outcome,
            advice_code=decline.advice_code,
            network_advice_code=decline.network_advice_code,
            network_decline_code=decline.network_decline_code,
            is_blocked=decline.is_blocked,
        )
    )
    id_ = state.new_id("ch")
    return state.put(
        make.charge(
            id_,
            state.now,
            amount=intent["amount"],
            currency=intent["currency"],
            outcome=verdict,
            billing_details=method["billing_details"],
            card=charged_card(
                method["card"],
                authorized_minor=None if decline else intent["amount"],
                code=None if decline else f"{int(id_[-4:].encode().hex(), 16) % 1_000_000:06d}",
            ),
            customer=intent["customer"],
            description=intent["description"],
            failure_code=decline and decline.code,
            failure_message=decline and decline.message,
            metadata=dict(intent["metadata"]),
            payment_intent=intent["id"],
            payment_method=method["id"],
            receipt_email=intent["receipt_email"],
        )
    )


def card_error(charge: StripeObject, intent: StripeObject | None) -> StripeError:
    """The 402 that Stripe answers when the bank says no."""
    decline = DECLINES[charge["outcome"]["reason"]]
    return StripeError(
        status=402,
        type="card_error",
        code=decline.code,
        message=decline.message,
        decline_code=charge["outcome"]["reason"],
        advice_code=decline.advice_code,
        network_advice_code=decline.network_advice_code,
        network_decline_code=decline.network_decline_code,
        charge=charge["id"],
        payment_intent=intent,
    )


def create_payment_intent(state: State, params: StripeObject) -> StripeObject:
    """A payment outside invoices; `confirm=true` tries it at once."""
    amount = required_integer(params, "amount")
    if amount < 1:
        raise invalid(
            "This value must be greater than or equal to 1.", param="amount", code="parameter_invalid_integer"
        )
    currency = str(required(params, "currency")).lower()
    customer_id = params.get("customer")
    if customer_id:
        referred(state, "customer", customer_id, "customer")
    method = params.get("payment_method")
    chosen = resolve_payment_method(state, method, customer_id) if method else None
    made = new_intent(
        state,
        amount=amount,
        currency=currency,
        customer=customer_id,
        payment_method=chosen and chosen["id"],
        description=params.get("description"),
        receipt_email=params.get("receipt_email"),
        setup_future_usage=params.get("setup_future_usage"),
        metadata=metadata(params),
    )
    if flag(params, "confirm", default=False):
        return confirm_payment_intent(state, made["id"], {})
    return made


def confirm_payment_intent(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Try the payment now; a decline is a 402 and leaves the intent open for another card."""
    intent = addressed(state, "payment_intent", id_)
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected(intent, "confirm")
    wanted = params.get("payment_method") or intent["payment_method"]
    if not wanted:
        raise invalid(
            "You cannot confirm this PaymentIntent because it's missing a payment method.",
            code="payment_intent_unexpected_state",
        )
    charge = attempt(state, intent, resolve_payment_method(state, str(wanted), intent["customer"]))
    if charge["status"] == "failed":
        raise card_error(charge, intent)
    return intent


def update_payment_intent(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Change an intent that has not been paid."""
    intent = addressed(state, "payment_intent", id_)
    if "amount" in params:
        if intent["status"] not in CONFIRMABLE:
            raise _unexpected(intent, "update")
        intent["amount"] = required_integer(params, "amount")
    for key in ("description", "receipt_email"):
        if key in params:
            intent[key] = params[key] or None
    if params.get("payment_method"):
        intent["payment_method"] = resolve_payment_method(state, params["payment_method"], intent["customer"])["id"]
    merge_metadata(intent, params)
    return intent


def cancel_payment_intent(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Give an unpaid intent up."""
    intent = addressed(state, "payment_intent", id_)
    if intent["status"] not in CONFIRMABLE:
        raise _unexpected(intent, "cancel")
    intent |= {
        "status": "canceled",
        "canceled_at": state.now,
        "cancellation_reason": params.get("cancellation_reason"),
    }
    state.emit("payment_intent.canceled", intent)
    return intent


def _unexpected(intent: StripeObject, verb: str) -> StripeError:
    return invalid(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
        "with one of the following statuses may be used: "
        "requires_payment_method, requires_capture, requires_confirmation, requires_action, processing.",
        code="payment_intent_unexpected_state",
    )


def create_charge(state: State, params: StripeObject) -> StripeObject:
    """A stand-alone charge, the old way; it goes through an intent like everything else."""
    source = str(params.get("source") or params.get("payment_method") or "pm_card_visa")
    intent = create_payment_intent(state, {k: v for k, v in params.items() if k not in ("source", "payment_method")})
    charge = attempt(state, intent, resolve_payment_method(state, source, intent["customer"]))
    if charge["status"] == "failed":
        raise card_error(charge, None)
    return charge


def update_charge(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Note something on a charge."""
    charge = addressed(state, "charge", id_)
    for key in ("description", "receipt_email"):
        if key in params:
            charge[key] = params[key] or None
    merge_metadata(charge, params)
    if params.get("fraud_details"):
        charge["fraud_details"] = params["fraud_details"]
    state.emit("charge.updated", charge)
    return charge
