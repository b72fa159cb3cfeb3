"""What a decline allows: the bank's advice goes before its code, and a code that nobody knows may be tried later."""

import pytest

from billing.decline_codes import NEEDS_CUSTOMER, NEVER, decline_class


@pytest.mark.parametrize(
    ("code", "allowed"),
    [
        ("insufficient_funds", "later"),
        ("do_not_honor", "later"),
        ("generic_decline", "later"),
        ("issuer_not_available", "later"),
        ("processing_error", "later"),
        ("expired_card", "needs_customer"),
        ("incorrect_cvc", "needs_customer"),
        ("authentication_required", "needs_customer"),
        ("lost_card", "never"),
        ("stolen_card", "never"),
        ("fraudulent", "never"),
        ("transaction_not_allowed", "never"),
        ("a_code_of_next_year", "later"),
        (None, "later"),
    ],
)
def test_a_code_says_what_is_allowed(code: str | None, allowed: str) -> None:
    assert decline_class(code) == allowed


def test_the_banks_advice_goes_before_the_code() -> None:
    assert decline_class("generic_decline", "do_not_try_again") == "never"
    assert decline_class("generic_decline", "confirm_card_data") == "needs_customer"
    assert decline_class("insufficient_funds", "try_again_later") == "later"


def test_advice_to_try_again_does_not_revive_a_stolen_card() -> None:
    assert decline_class("stolen_card", "try_again_later") == "never"


def test_no_code_is_in_two_classes() -> None:
    assert not NEVER & NEEDS_CUSTOMER
