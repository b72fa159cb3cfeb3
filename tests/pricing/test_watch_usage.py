"""Models without a price, coverages and meters: small counts never alert, unknown amounts are no numbers, 95 % is enough."""

from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing.finding import Subject
from pricing.watch_usage import (
    CoverageSpan,
    MeteredPeriod,
    UnpricedModel,
    coverage_drop,
    meter_drift,
    unpriced_spend,
)
from tests.pricing.watched import DAY, watching

EMBED = UnpricedModel(
    provider="acme", model="embed", events=300, tokens=20_000, all_events=10_000, all_tokens=1_000_000, low_minor=50,
    high_minor=4_00, first_day=date(2026, 11, 3),
)  # fmt: skip


def test_a_model_without_a_price_is_told_with_its_band_and_no_amount() -> None:
    (found,) = unpriced_spend([EMBED], watching())
    assert (found.actual, found.impact_minor, found.score) == (20_000, None, 2.0)
    assert found.subject == Subject(scope="model", provider="acme", model="embed")
    assert found.sentence == (
        "acme/embed has no price: 20,000 tokens in 28 days, 2 % of all. It cost between $0.50 and $4.00 by what its provider lists, "
        "and no margin counts it. Give it a price on Price book."
    )


def test_where_nobody_lists_a_price_it_is_said_so() -> None:
    (found,) = unpriced_spend([replace(EMBED, low_minor=None, high_minor=None)], watching())
    assert "What it cost nobody can say" in found.sentence
    assert found.facts["high_minor"] == "unknown"


@pytest.mark.parametrize(
    "small",
    [
        replace(EMBED, events=19),
        replace(EMBED, tokens=9_999),
        replace(EMBED, high_minor=99),
        replace(EMBED, tokens=0, events=99),
    ],
    ids=["few events", "below a percent", "cheap at its dearest", "few of the events"],
)
def test_what_hardly_matters_is_not_told(small: UnpricedModel) -> None:
    assert unpriced_spend([small], watching()) == []


def test_usage_without_tokens_is_counted_in_events() -> None:
    (found,) = unpriced_spend([replace(EMBED, tokens=0)], watching())
    assert (found.actual, found.facts["counted_in"]) == (30_000, "events")


PRICED = CoverageSpan(
    name="priced", now=Fraction(99, 100), before=Fraction(99, 100), events=5_000, open_minor=20_00, last_day=DAY, days=7
)


@pytest.mark.parametrize(
    ("now", "before", "speaks"),
    [
        (Fraction(97, 100), Fraction(1), True),  # 3 points
        (Fraction(9701, 10000), Fraction(1), False),
        (Fraction(95, 100), Fraction(95, 100), False),  # exactly enough, and as before
        (Fraction(9499, 10000), Fraction(9499, 10000), True),  # not enough, though as before
        (Fraction(9499, 10000), None, True),
        (None, Fraction(1), False),  # not measured
    ],
)
def test_a_coverage_alerts_when_it_falls_or_is_too_low(
    now: Fraction | None, before: Fraction | None, speaks: bool
) -> None:
    found = coverage_drop([replace(PRICED, now=now, before=before)], watching())
    assert len(found) == speaks
    assert coverage_drop([replace(PRICED, now=now, before=before, events=99)], watching()) == []
    assert coverage_drop([replace(PRICED, now=now, before=before, open_minor=99)], watching()) == []


def test_a_coverage_says_what_it_means_for_margins() -> None:
    (found,) = coverage_drop([replace(PRICED, name="attributed", now=Fraction(9, 10))], watching())
    assert found.sentence == (
        "Only 90 % of the AI cost belongs to a known customer in the 7 days to 30 November, 99 % in the four weeks before (9 points "
        "down). Below 95 % every margin is shown as unknown. Map the names without a customer (Overview lists them)."
    )
    assert (found.actual, found.expected, found.score) == (900_000, 990_000, 3.0)


DRIFT = MeteredPeriod(
    customer_id="cus_ada", customer="Ada", price="Tokens", unit="thousand tokens", period_start=datetime(2026, 10, 3),
    period_end=datetime(2026, 11, 3), charged_quantity=1_100, logged_quantity=1_000, charged_minor=220_00,
)  # fmt: skip


def test_a_meter_that_charges_too_much_says_how_much() -> None:
    """100 of 1,100 is 9.1 %, 1.8 times the limit of 5 %; at 220.00 for 1,100 they are worth 20.00."""
    (found,) = meter_drift([DRIFT], watching())
    assert (found.actual, found.expected, found.impact_minor, found.is_rise) == (1_100, 1_000, 20_00, True)
    assert found.sentence == (
        "Ada was charged for 1,100 thousand tokens (Tokens, 3 October to 3 November); the usage log has 1,000: 9.1 % more on the "
        "invoice, about $20.00 at the price they paid. They may have been charged too much: compare before they do."
    )


def test_a_meter_that_charges_too_little_is_a_gift() -> None:
    (found,) = meter_drift([replace(DRIFT, charged_quantity=900)], watching())
    assert found.impact_minor is not None
    assert found.impact_minor < 0
    assert "10 % less on the invoice" in found.sentence
    assert "You may have given usage away" in found.sentence


@pytest.mark.parametrize(
    "quiet",
    [
        replace(DRIFT, charged_quantity=1_052),
        replace(DRIFT, logged_quantity=None),
        replace(DRIFT, charged_quantity=49, logged_quantity=40),
        replace(DRIFT, charged_minor=10_00),
    ],
    ids=["within the limit", "unit unknown", "few units", "worth 91 cents"],
)
def test_what_lies_within_rounding_and_days_is_not_told(quiet: MeteredPeriod) -> None:
    assert meter_drift([quiet], watching()) == []


def test_only_the_newest_period_counts_and_what_is_worth_nobody_knows_is_told_without_an_amount() -> None:
    mended = replace(DRIFT, period_start=DRIFT.period_end, period_end=datetime(2026, 12, 3), charged_quantity=1_000)
    assert meter_drift([DRIFT, mended], watching()) == []
    (found,) = meter_drift([replace(DRIFT, charged_minor=None)], watching())
    assert found.impact_minor is None
    assert "about" not in found.sentence


whole = st.integers(min_value=0, max_value=10**6)


@given(charged=whole, logged=whole)
def test_few_units_never_alert_and_a_wider_gap_never_scores_less(charged: int, logged: int) -> None:
    found = meter_drift([replace(DRIFT, charged_quantity=charged, logged_quantity=logged)], watching())
    if max(charged, logged) < 50:
        assert found == []
    if found and charged > logged:
        (wider,) = meter_drift([replace(DRIFT, charged_quantity=charged + 1, logged_quantity=logged)], watching())
        assert wider.score >= found[0].score >= 1


@given(tokens=st.integers(min_value=0, max_value=10**6), events=st.integers(min_value=1, max_value=10_000))
def test_few_events_never_alert_and_no_amount_is_ever_made_up(tokens: int, events: int) -> None:
    found = unpriced_spend([replace(EMBED, tokens=tokens, events=events)], watching())
    assert all(each.impact_minor is None for each in found)
    if events < 20:
        assert found == []
