"""Gaps, causes and states in words: signed money, a sentence for each cause, and nothing claimed where nothing was compared."""

from datetime import date, datetime

import pytest

from dashboard import usage_bill_rows as rows
from pricing.usage_reconciliation import BillState, Cause

DOLLAR = 10**12


def test_every_cause_has_a_sentence_for_each_side_and_every_state_a_word() -> None:
    assert set(rows.CAUSES) == set(Cause)
    assert set(rows.STATES) == set(BillState)
    assert all(more.endswith(".") and less.endswith(".") for more, less in rows.CAUSES.values())


def test_causes_stand_by_size_with_their_sign() -> None:
    lines = rows.cause_lines([(Cause.PRICE, -2 * DOLLAR, 2 * DOLLAR), (Cause.MISSING_UNIT, 5 * DOLLAR, 5 * DOLLAR)])
    assert [(line.cause, line.amount) for line in lines] == [("missing unit", "+$5.00"), ("price", "\u2212$2.00")]
    assert "lower price" in lines[1].sentence


def test_timing_that_evens_out_says_how_much_changed_days() -> None:
    """$1.50 came on one day and went on another: nothing is left, $1.50 moved."""
    (line,) = rows.cause_lines([(Cause.TIMING, 0, 3 * DOLLAR)])
    assert (line.amount, line.sentence.endswith("$1.50 changed days.")) == ("$0.00", True)


def test_a_gap_is_a_share_of_the_bill() -> None:
    assert rows.gap_share(90 * DOLLAR, 100 * DOLLAR) == "+10.0%"
    assert rows.gap_share(110 * DOLLAR, 100 * DOLLAR) == "\u221210.0%"
    assert rows.gap_share(90 * DOLLAR, None) == rows.gap_share(0, 0) == "\u2014"
    assert rows.agreed(90 * DOLLAR, 100 * DOLLAR) == "90.0%"
    assert rows.agreed(0, 0) == "\u2014"


def test_a_provider_without_a_bill_shows_its_usage_and_dashes() -> None:
    none = {
        "provider": "acme",
        "state": "no bill connected",
        "usage_pico_usd": DOLLAR,
        "logged_pico_usd": None,
        "billed_pico_usd": None,
    }
    (row,) = rows.provider_rows([none])
    assert (row["Logged"], row["Billed"], row["Gap"], row["State"]) == (
        "$1.00",
        "\u2014",
        "\u2014",
        "No bill connected",
    )


def test_a_cell_without_a_model_or_a_quantity_says_so() -> None:
    cell = {
        "model": None,
        "unit": "search_requests",
        "gap_pico_usd": DOLLAR,
        "cause": "missing unit",
        "logged_pico_usd": 0,
    }
    cell |= {"billed_pico_usd": DOLLAR, "logged_quantity": 0, "billed_quantity": None}
    (row,) = rows.cell_rows([cell])
    assert (row["Model"], row["Unit"], row["Units billed"]) == ("all models", "searches", "\u2014")


@pytest.mark.parametrize(
    ("logged", "said"), [(900, "+100 (11.1%)"), (1_000, "0"), (None, "\u2014"), (1_100, "\u2212100 (9.1%)")]
)
def test_what_was_charged_is_held_against_what_was_used(logged: int | None, said: str) -> None:
    line = {
        "name": "Acme",
        "period_start": datetime(2026, 9, 5),
        "period_end": datetime(2026, 10, 5),
        "invoice_id": "in_1",
    }
    line |= {
        "unit_label": "thousand tokens",
        "invoiced_quantity": 1_000,
        "logged_quantity": logged,
        "amount_minor": 5_00,
        "currency": "eur",
    }
    (row,) = rows.invoiced_rows([line])
    assert (row["Difference"], row["Charged"]) == (said, "€5.00 EUR")
    assert ("1 charge by quantity" in rows.invoiced_summary([line])) is (logged is not None)


def test_the_running_month_says_so() -> None:
    assert rows.month_label(date(2026, 11, 1), date(2026, 11, 1)) == "November 2026, to date"
    assert rows.month_label(date(2026, 10, 1), date(2026, 11, 1)) == "October 2026"
