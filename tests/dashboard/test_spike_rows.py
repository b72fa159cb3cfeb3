"""The list of alerts as rows: what is folded, what fits, what the sentence at the top counts, and amounts in any unit."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from dashboard.spike_exports import alerts_csv
from dashboard.spike_rows import (
    Filters,
    Row,
    badge,
    facts,
    fitting,
    folded,
    headline,
    impact_a_day,
    month_end,
    rises,
    rows,
    verdict,
)
from dashboard.spike_words import amount, difference, rule_words, subject_name
from pricing.finding import Subject, Unit
from store.alert_list import Line

DAY = date(2026, 11, 24)
NOW = datetime(2026, 11, 25, 6, tzinfo=UTC)
DOLLAR = 10**12
NAMES = {"cus_a": "Northwind Labs", "cus_b": "Vertex Legal"}


def line(subject: Subject | None = None, *, usd: int = 300, usual_usd: int = 100, **given: object) -> Line:
    """A cost spike of one day, new on the last closed one."""
    made = Line(
        alert_id=uuid4(), detector="cost_spike", subject=subject or Subject(scope="customer", customer_id="cus_a"), state="new",
        verdict=None, planned_until=None, snoozed_until=None, assigned_to=None, first_day=DAY, last_day=DAY, is_rise=usd >= usual_usd,
        is_provisional=False, unit="pico_usd", actual=usd * DOLLAR, expected=usual_usd * DOLLAR,
        impact_minor=(usd - usual_usd) * 100, last_impact_minor=(usd - usual_usd) * 100, found_days=1, currency="usd", parent_alert_id=None,
        sentence=f"It cost ${usd}.", opened_at=NOW, changed_at=NOW, resolved_why=None,
    )  # fmt: skip
    return replace(made, **given)  # type: ignore[arg-type] # the test names the field that it changes


def listed(*lines: Line) -> list[Row]:
    return rows(lines, NAMES, "Acme", NOW)


COMPANY = Subject(scope="company")
REFUNDS = line(
    COMPANY,
    detector="refund_rate",
    unit="ppm",
    actual=31_000,
    expected=20_000,
    impact_minor=None,
    last_impact_minor=None,
)


def test_a_customers_rise_is_not_counted_again_in_the_companys() -> None:
    """The company cost $200 more, $180 of it through Northwind, of which $170 on one model: $200 a day in all, not $550."""
    company = line(COMPANY, usd=300, usual_usd=100)
    customer = line(usd=230, usual_usd=50, parent_alert_id=company.alert_id)
    model = line(
        Subject(scope="customer_model", customer_id="cus_a", model="gpt-4o"),
        usd=190, usual_usd=20, parent_alert_id=customer.alert_id,
    )  # fmt: skip
    (top,) = folded(listed(model, customer, company))
    assert top.line == company
    assert [child.line for child in top.children] == [customer, model]
    told = verdict(listed(model, customer, company), "usd")
    assert told is not None
    assert told.head == "1 new spike costs $200 a day more than expected"
    assert told.why == "It cost $300."
    assert told.also == ""


def test_what_is_explained_by_an_alert_that_is_not_shown_stands_by_itself() -> None:
    company = line(COMPANY, state="resolved")
    customer = line(parent_alert_id=company.alert_id)
    found = fitting(listed(company, customer), Filters(view="open"))
    assert [row.line for row in folded(found)] == [customer]


def test_two_alerts_that_name_each_other_are_both_shown() -> None:
    """A damaged pair must not vanish from the page."""
    one, other = line(), line(COMPANY)
    one, other = replace(one, parent_alert_id=other.alert_id), replace(other, parent_alert_id=one.alert_id)
    shown = {child.line.alert_id for row in folded(listed(one, other)) for child in (row, *row.children)}
    assert shown == {one.alert_id, other.alert_id}


def test_the_sentence_tells_new_spikes_first_and_what_else_is_open() -> None:
    """$200 new; $50 going on; a fall of $36; a refund rate that has no money of its own."""
    fresh = line(usd=300, usual_usd=100)
    before = line(Subject(scope="customer", customer_id="cus_b"), usd=90, usual_usd=40, state="ongoing")
    fall = line(Subject(scope="feature", feature="chat"), usd=4, usual_usd=40)
    told = verdict(listed(fresh, before, fall, REFUNDS), "usd")
    assert told is not None
    assert told.head == "1 new spike costs $200 a day more than expected"
    assert told.also == "1 spike from before, $50.00 a day; 1 fall, \u2212$36.00 a day; 1 other alert (refund rate)"


def test_the_sentence_at_the_top_leaves_the_causes_to_the_alert() -> None:
    said = "The AI bill rose from about $4.0k to $7.4k a month since 9 Oct: more requests (+$1.7k); if it goes on, ..."
    told = verdict(listed(line(COMPANY, sentence=said)), "usd")
    assert told is not None
    assert told.why == "The AI bill rose from about $4.0k to $7.4k a month since 9 Oct."


def test_without_a_rise_no_spike_is_claimed() -> None:
    told = verdict(listed(REFUNDS), "usd")
    assert told is not None
    assert told.head == "No open spike"
    assert told.also == "1 other alert (refund rate)"
    assert verdict([], "usd") is None
    asleep = line(snoozed_until=NOW + timedelta(days=1))
    assert verdict(listed(asleep, line(state="resolved")), "usd") is None


def test_a_snooze_that_has_passed_is_none() -> None:
    (row,) = listed(line(snoozed_until=NOW - timedelta(seconds=1)))
    assert (row.is_snoozed, row.is_open) == (False, True)
    (row,) = listed(line(snoozed_until=NOW + timedelta(seconds=1)))
    assert (row.is_snoozed, row.is_open) == (True, False)
    assert "Snoozed" in badge(row)


def test_filters_narrow_by_state_kind_customer_and_direction() -> None:
    rise, fall = line(), line(Subject(scope="customer", customer_id="cus_b"), usd=4, usual_usd=40)
    ended = line(COMPANY, state="resolved", verdict="expected")
    every = listed(rise, fall, ended, REFUNDS)

    def shown(**narrowed: str) -> set[UUID]:
        return {row.line.alert_id for row in fitting(every, Filters(**narrowed))}

    assert shown() == {rise.alert_id, fall.alert_id, REFUNDS.alert_id}
    assert shown(view="resolved") == {ended.alert_id}
    assert shown(view="all", detector="refund_rate") == {REFUNDS.alert_id}
    assert shown(customer_id="cus_b") == {fall.alert_id}
    assert shown(direction="down") == {fall.alert_id}
    assert shown(view="snoozed") == set()


def test_the_newest_stand_first_and_of_one_day_the_dearest() -> None:
    old = line(last_day=DAY - timedelta(days=1), first_day=DAY - timedelta(days=1), impact_minor=900_00)
    small, big = line(usd=150), line(usd=400)
    assert [row.line for row in listed(old, small, big)] == [big, small, old]


def test_the_day_that_runs_does_not_push_what_the_last_whole_day_showed_aside() -> None:
    """Today's $50 so far comes behind yesterday's $300, and before what ended the day before."""
    today = line(usd=150, last_day=DAY + timedelta(days=1), is_provisional=True)
    yesterday, before = line(usd=400), line(usd=900, last_day=DAY - timedelta(days=1))
    assert [row.line for row in listed(before, today, yesterday)] == [yesterday, today, before]


def test_a_long_spike_counts_with_its_average_day() -> None:
    """$770 in eight days are $96.25 a day, whatever the last day was; a spike whose days are gone counts for nothing."""
    long = line(impact_minor=770_00, last_impact_minor=51_23, found_days=8)
    assert impact_a_day(listed(long)) == 96_25
    assert impact_a_day(listed(long, line(COMPANY, found_days=0))) == 96_25


def test_sums_leave_out_what_nobody_knows() -> None:
    known, unknown = line(), line(COMPANY, impact_minor=None, last_impact_minor=None)
    every = listed(known, unknown)
    assert impact_a_day(rises(every)) == 200_00
    assert impact_a_day(listed(unknown)) is None
    assert month_end(every, {known.alert_id: 1_200_00}) == 1_200_00
    assert month_end(every, {}) is None


def test_a_row_says_how_much_and_which_days() -> None:
    (row,) = listed(line(first_day=date(2026, 11, 12), assigned_to="Ada", verdict="confirmed", state="ongoing"))
    assert headline(row) == "+$200 (+200%)"
    assert facts(row) == "12 Nov \u2013 24 Nov · customer · it is real · with Ada"
    (row,) = listed(REFUNDS)
    assert headline(row) == "3.1%"
    (row,) = listed(line(usual_usd=0, expected=0))
    assert headline(row) == "+$300"


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (412_330_000_000_000, "pico_usd", "$412"),
        (4_995_000_000, "pico_usd", "$0"),  # half a cent is what rounds up: this is a hair less
        (5_000_000_000, "pico_usd", "$0.01"),
        (-5_000_000_000, "pico_usd", "\u2212$0.01"),
        (1_240_00, "minor", "€1,240"),
        (31_000, "ppm", "3.1%"),
        (3 * 86_400, "seconds", "3 days"),
        (30 * 3_600, "seconds", "30 hours"),
        (1_204, "count", "1,204"),
        (None, "ppm", "\u2014"),
    ],
)
def test_an_amount_is_said_in_its_unit(value: int | None, unit: Unit, said: str) -> None:
    assert amount(value, unit, "eur") == said


def test_shares_differ_by_points_and_money_by_money() -> None:
    assert difference(31_000, 20_000, "ppm", "usd") == "+1.1 pp"
    assert difference(20_010, 20_000, "ppm", "usd") == "0.0 pp"
    assert difference(300 * DOLLAR, 100 * DOLLAR, "pico_usd", "usd") == "+$200"
    assert difference(None, 20_000, "ppm", "usd") is None


def test_what_a_rule_has_counted_is_said_with_its_units() -> None:
    facts = {
        "owed_minor": 663_00, "share_ppm": 918_462, "silent_seconds": 3 * 86_400, "invoices": 1_204, "last_try_by": "2026-12-20",
        "coverage": "reconciled", "is_too_low": 1, "source": "the log", "threshold_ppm": 30_000, "clears_below_score_ppm": 900_000,
    }  # fmt: skip
    said = "coverage reconciled · invoices 1,204 · last try by 20 Dec 2026 · owed $663.00 · share 91.8% · silent 3 days"
    assert rule_words(facts, "usd") == said


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        (COMPANY, "Acme"),
        (Subject(scope="customer", customer_id="cus_a"), "Northwind Labs"),
        (Subject(scope="customer", customer_id="cus_new"), "cus_new"),
        (Subject(scope="model", provider="openai", model="gpt-4o"), "openai/gpt-4o"),
        (Subject(scope="customer_model", customer_id="cus_a", model="gpt-4o"), "Northwind Labs · gpt-4o"),
        (Subject(scope="network", name="visa"), "visa"),
    ],
)
def test_a_subject_has_a_name_that_people_know(subject: Subject, name: str) -> None:
    assert subject_name(subject, NAMES.get(subject.customer_id or ""), "Acme") == name


def test_the_file_has_every_row_and_no_formula() -> None:
    company = line(COMPANY)
    child = line(parent_alert_id=company.alert_id, sentence="=HYPERLINK(1)", actual=None)
    text = alerts_csv(folded(listed(company, child)))
    head, first, second = text.splitlines()
    assert head.startswith("alert_id,detector,scope,subject")
    assert f"{company.alert_id},cost_spike,company,Acme" in first
    assert "pico_usd,300000000000000,100000000000000,200.00,usd" in first
    assert f"pico_usd,,100000000000000,200.00,usd,{company.alert_id},'=HYPERLINK(1)" in second
