"""What banks say when they refuse a card: Stripe's decline codes with their error, advice and network codes."""

from dataclasses import dataclass

CONFIRM, NEVER, LATER = "confirm_card_data", "do_not_try_again", "try_again_later"
# The networks' own advice (Mastercard's MAC): look at the data, try later, do not try again.
_NETWORK_ADVICE = {CONFIRM: "01", LATER: "02", NEVER: "03"}


@dataclass(frozen=True)
class Decline:
    """What a bank says with a decline code; `is_blocked` when Stripe refused before the bank was asked."""

    code: str
    message: str
    advice_code: str | None
    network_decline_code: str | None
    is_blocked: bool = False

    @property
    def network_advice_code(self) -> str | None:
        """The network's advice; none when the network was never asked."""
        return None if self.advice_code is None or self.is_blocked else _NETWORK_ADVICE[self.advice_code]


def _declined(advice: str, network: str | None, message: str = "Your card was declined.") -> Decline:
    return Decline("card_declined", message, advice, network)


_UNSUPPORTED = "Your card does not support this type of purchase."
DECLINES = {
    "approve_with_id": _declined(LATER, "01"),
    "authentication_required": Decline(
        "authentication_required", "Your card was declined. This transaction requires authentication.", LATER, "1A"
    ),
    "call_issuer": _declined(LATER, "02"),
    "card_not_supported": _declined(NEVER, "57", _UNSUPPORTED),
    "card_velocity_exceeded": _declined(LATER, "65"),
    "currency_not_supported": _declined(LATER, "57", "Your card does not support this currency."),
    "do_not_honor": _declined(LATER, "05"),
    "expired_card": Decline("expired_card", "Your card has expired.", CONFIRM, "54"),
    "fraudulent": Decline("card_declined", "Your card was declined.", NEVER, "59", is_blocked=True),
    "generic_decline": _declined(LATER, "05"),
    "highest_risk_level": Decline("card_declined", "Your card was declined.", NEVER, None, is_blocked=True),
    "incorrect_cvc": Decline("incorrect_cvc", "Your card's security code is incorrect.", CONFIRM, "N7"),
    "incorrect_number": Decline("incorrect_number", "Your card number is incorrect.", CONFIRM, "14"),
    "incorrect_zip": Decline("incorrect_zip", "The zip code you supplied failed validation.", CONFIRM, "N3"),
    "insufficient_funds": _declined(LATER, "51", "Your card has insufficient funds."),
    "invalid_account": _declined(NEVER, "46"),
    "invalid_expiry_month": Decline("invalid_expiry_month", "Your card's expiration month is invalid.", CONFIRM, "54"),
    "invalid_expiry_year": Decline("invalid_expiry_year", "Your card's expiration year is invalid.", CONFIRM, "54"),
    "issuer_not_available": _declined(LATER, "91"),
    "lost_card": _declined(NEVER, "41"),
    "merchant_blacklist": Decline("card_declined", "Your card was declined.", NEVER, None, is_blocked=True),
    "new_account_information_available": _declined(CONFIRM, "82"),
    "no_action_taken": _declined(LATER, "21"),
    "not_permitted": _declined(NEVER, "57"),
    "pickup_card": _declined(NEVER, "04"),
    "processing_error": Decline(
        "processing_error", "An error occurred while processing your card. Try again in a little bit.", LATER, "96"
    ),
    "reenter_transaction": _declined(LATER, "19"),
    "restricted_card": _declined(NEVER, "62"),
    "revocation_of_all_authorizations": _declined(NEVER, "R3"),
    "revocation_of_authorization": _declined(NEVER, "R1"),
    "service_not_allowed": _declined(LATER, "57"),
    "stolen_card": _declined(NEVER, "43"),
    "stop_payment_order": _declined(NEVER, "R0"),
    "transaction_not_allowed": _declined(NEVER, "57"),
    "try_again_later": _declined(LATER, "91"),
    "withdrawal_count_limit_exceeded": _declined(LATER, "65"),
}
# What Stripe answers by itself about a card whose bank said `do_not_try_again` before.
PREVIOUSLY_DECLINED = "previously_declined_do_not_retry"
DECLINES[PREVIOUSLY_DECLINED] = Decline("card_declined", "Your card was declined.", NEVER, None, is_blocked=True)
# Stripe does not try these again by itself; a new card is needed.
HARD_DECLINES = frozenset(
    {
        "authentication_required",
        "fraudulent",
        "highest_risk_level",
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "stolen_card",
        "transaction_not_allowed",
    }
)
