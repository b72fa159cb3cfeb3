"""A planned change as the phases of a schedule: what runs stays as it is until the moment, and nothing is lost on the way."""

from datetime import UTC, datetime
from typing import Any

import pytest

from billing.principals import ROLES, Principal, principal_of
from billing.schedule_phases import Phase, phases, with_switch

START, MOMENT, END = (int(datetime(2026, 1, day, tzinfo=UTC).timestamp()) for day in (1, 15, 31))
AGREED = {"si_seat": {"price": "price_basic", "quantity": 2}, "si_use": {"price": "price_tokens", "quantity": None}}


def schedule(**running: Any) -> dict[str, Any]:
    items = [{"price": "price_basic", "quantity": 2, "tax_rates": [{"id": "txr_1"}]}, {"price": {"id": "price_tokens"}}]
    phase = {"start_date": START, "end_date": END, "items": items, "discounts": [], "metadata": {}} | running
    return {"id": "sub_sched_1", "phases": [phase]}


def test_one_item_is_switched_and_the_others_stay() -> None:
    then = {"item": "si_seat", "price": "price_pro", "quantity": 3, "at": MOMENT}
    now, later = with_switch(schedule(), AGREED, then) or []
    assert now == {
        "start_date": START,
        "end_date": MOMENT,
        "items": [{"price": "price_basic", "quantity": 2, "tax_rates": ["txr_1"]}, {"price": "price_tokens"}],
    }
    # No end: one interval of its price. No start: where the phase before it ends.
    assert later == {"items": [{"price": "price_pro", "quantity": 3}, {"price": "price_tokens"}]}


def test_discounts_and_how_it_is_collected_go_on() -> None:
    """Stripe takes a phase without discounts as one that has none of the subscription's own."""
    given = {"discounts": [{"coupon": None, "discount": "di_1", "promotion_code": None}], "collection_method": "send_invoice"}  # fmt: skip
    then = {"item": "si_seat", "price": "price_pro", "quantity": 2, "at": END}
    for phase in with_switch(schedule(**given), AGREED, then) or []:
        assert phase["discounts"] == [{"discount": "di_1"}]
        assert phase["collection_method"] == "send_invoice"


def test_what_somebody_else_changed_meanwhile_is_not_planned_over() -> None:
    then = {"item": "si_seat", "price": "price_pro", "quantity": 2, "at": END}
    other = schedule(items=[{"price": "price_other", "quantity": 2}])
    assert with_switch(other, AGREED, then) is None


def test_phases_are_read_with_their_moments() -> None:
    first, last = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC)
    assert phases(schedule()) == [Phase(first, last, (("price_basic", 2), ("price_tokens", None)))]


@pytest.mark.parametrize("role", ROLES)
def test_who_asked_is_read_back_from_what_was_written(role: Any) -> None:
    someone = Principal("Ada (the first)", role)
    assert principal_of(str(someone)) == someone


@pytest.mark.parametrize("text", ["", "ada", "ada (god)", "(founder"])
def test_what_names_no_role_may_do_nothing(text: str) -> None:
    assert principal_of(text) == Principal(text, "viewer")
