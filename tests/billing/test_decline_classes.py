"""What a declined try means: prohibitions win, networks speak too, unknown codes may be tried later."""

from datetime import timedelta

import pytest

from billing.decline_classes import Decline, class_of, is_busy, may_be_tried_without_customer, wait_of


@pytest.mark.parametrize(
    ("decline", "expected"),
    [
        (Decline("visa", "insufficient_funds", "try_again_later", "51"), "later"),
        (Decline("visa", "expired_card", "confirm_card_data", "54"), "expired"),
        (Decline("visa", "incorrect_cvc", "confirm_card_data", "N7"), "needs_customer"),
        (Decline("visa", "stolen_card", "do_not_try_again", "43"), "never"),
        (Decline("visa", "generic_decline", "do_not_try_again"), "never"),
        (Decline("visa", "service_not_allowed", "try_again_later", "57"), "never"),
        (Decline("amex", "service_not_allowed", "try_again_later", "57"), "later"),
        (Decline("mastercard", "generic_decline", None, None, "03"), "never"),
        (Decline("mastercard", "generic_decline", None, None, "21"), "never"),
        (Decline("mastercard", "generic_decline", None, None, "01"), "needs_customer"),
        (Decline("visa", "generic_decline", None, None, "03"), "later"),
        (Decline("visa", "a_code_of_next_year"), "later"),
        (Decline(), "later"),
    ],
)
def test_a_decline_has_one_class(decline: Decline, expected: str) -> None:
    assert class_of(decline) == expected


def test_an_authentication_is_never_tried_without_the_customer() -> None:
    wanted = Decline("visa", "authentication_required", "try_again_later", "1A")
    assert class_of(wanted) == "needs_customer"
    assert not may_be_tried_without_customer(wanted)
    assert may_be_tried_without_customer(Decline("visa", "incorrect_cvc"))


def test_mastercard_says_how_long_to_wait() -> None:
    assert wait_of(Decline("mastercard", network_advice_code="24")) == timedelta(hours=1, minutes=1)
    assert wait_of(Decline("mastercard", network_advice_code="30")) == timedelta(days=10, minutes=1)
    assert wait_of(Decline("visa", network_advice_code="30")) == timedelta(0)


def test_a_busy_bank_is_asked_again_soon() -> None:
    assert is_busy(Decline("visa", "processing_error"))
    assert not is_busy(Decline("visa", "insufficient_funds", "try_again_later"))
