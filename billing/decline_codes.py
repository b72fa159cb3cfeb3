"""What a declined payment allows: never try again, ask the customer, or try later."""

from typing import Literal

DeclineClass = Literal["never", "needs_customer", "later"]

# The bank or the network forbids another try with this card (docs.stripe.com/declines/codes; Visa category 1).
NEVER = frozenset(
    {
        "do_not_try_again",
        "fraudulent",
        "highest_risk_level",
        "incorrect_number",
        "invalid_account",
        "lost_card",
        "merchant_blacklist",
        "pickup_card",
        "previously_declined_do_not_retry",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
    }
)
# Another try succeeds only after the customer has done something: a new card, a code, a confirmation.
NEEDS_CUSTOMER = frozenset(
    {
        "authentication_required",
        "expired_card",
        "incorrect_cvc",
        "incorrect_zip",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "offline_pin_required",
        "online_or_offline_pin_required",
    }
)


def decline_class(decline_code: str | None, advice_code: str | None = None) -> DeclineClass:
    """The class of a decline. The bank's advice goes before its code; a code that nobody knows may be tried later."""
    if advice_code == "do_not_try_again" or decline_code in NEVER:
        return "never"
    if advice_code == "confirm_card_data" or decline_code in NEEDS_CUSTOMER:
        return "needs_customer"
    return "later"
