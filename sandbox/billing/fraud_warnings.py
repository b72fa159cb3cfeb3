"""Early fraud warnings: a card network's word that a payment looks stolen, before its holder disputes it."""

from sandbox.billing.refusals import addressed, invalid
from sandbox.objects import StripeObject
from sandbox.state import State

WARNING = "radar.early_fraud_warning"
FRAUD_TYPES = (
    "card_never_received",
    "fraudulent_card_application",
    "made_with_counterfeit_card",
    "made_with_lost_card",
    "made_with_stolen_card",
    "misc",
    "unauthorized_use_of_card",
)


def raise_fraud_warning(state: State, charge_id: str, params: StripeObject) -> StripeObject:
    """Sandbox control: the network warns of a charge; `fraud_type` may be given. Refuses a charge that took no money."""
    charge = addressed(state, "charge", charge_id)
    fraud_type = params.get("fraud_type") or "unauthorized_use_of_card"
    if fraud_type not in FRAUD_TYPES:
        raise invalid(f"Invalid fraud_type: must be one of {', '.join(FRAUD_TYPES)}", param="fraud_type")
    if charge["status"] != "succeeded":
        raise invalid(f"Charge {charge_id} took no money, so nobody warns of it.", param="charge")
    made = state.put(
        {
            "id": state.new_id("issfr"),
            "object": WARNING,
            "actionable": _is_actionable(state, charge),
            "charge": charge_id,
            "created": state.now,
            "fraud_type": fraud_type,
            "livemode": False,
            "payment_intent": charge["payment_intent"],
        }
    )
    state.emit(f"{WARNING}.created", made)
    return made


def judge_fraud_warnings(state: State, charge: StripeObject) -> None:
    """After a dispute, a refund or one that came back: whether the charge's warnings still ask for something."""
    actionable = _is_actionable(state, charge)
    for warning in state.objects[WARNING].values():
        if warning["charge"] == charge["id"] and warning["actionable"] != actionable:
            warning["actionable"] = actionable
            state.emit(f"{WARNING}.updated", warning, {"actionable": not actionable})


def _is_actionable(state: State, charge: StripeObject) -> bool:
    is_disputed = any(one["charge"] == charge["id"] for one in state.objects["dispute"].values())
    return not is_disputed and not charge["refunded"]
