"""Cost spikes of a published version: one cause rings once, at its amounts, and what is late, unpriced or dearer is no spike of usage."""

from datetime import datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from pipelines.detect_spikes import Detected, detect
from pricing.finding import Finding
from store import warehouse_reads
from store.warehouse_reads import Warehouse
from tests.pipelines.spiky_company import (
    DAYS,
    NOW,
    REQUEST,
    calm_rows,
    day,
    publish_outsider,
    published,
    times,
    used,
    without,
)
from tests.store.warehouse_rows import ACME, Row, publish_tables

LAST = DAYS - 1


def found(view: Warehouse, **given: object) -> Detected:
    return detect(view, now=NOW, **given)  # type: ignore[arg-type]  # what a test names


def leading(detected: Detected, number: int = LAST) -> list[Finding]:
    return [each for each in detected.findings if each.day == day(number) and "parent" not in each.facts]


def test_a_calm_company_is_silent(tmp_path: Path) -> None:
    publish_outsider(tmp_path)  # whose hundredfold day is nobody else's
    detected = found(published(tmp_path, calm_rows()), since=day(20))
    assert detected.findings == []
    assert detected.late_days == []
    # The company, 2 providers, 2 models, 2 features, 5 customers with 2 models each; on the hundred days from the twentieth on.
    assert detected.series == 1 + 2 + 2 + 2 + 5 + 10
    assert detected.series_days == detected.series * (DAYS - 20)


def test_a_customers_spike_rings_once_with_what_it_cost_and_why(tmp_path: Path) -> None:
    """Ten times 2,000 requests at $0.0025 are $50.00 instead of about $5.00."""
    view = published(tmp_path, calm_rows(), times(10, customer="cus_b", days=range(LAST, DAYS), model="gpt-4o"))
    detected = found(view)
    (spike,) = leading(detected)
    assert spike.subject.key == "customer_model|customer_id=cus_b|provider=openai|model=gpt-4o"
    assert spike.actual is not None
    assert spike.expected is not None
    assert 48 < spike.actual / 1e12 < 52
    assert 4.7 < spike.expected / 1e12 < 5.3
    assert spike.impact_minor == round((spike.actual - spike.expected) / 1e10)  # a cent is 10^10 pico-USD
    assert sum(spike.parts.values()) == spike.actual - spike.expected
    assert spike.parts["usage_volume"] > 0.97 * (spike.actual - spike.expected)
    assert spike.sentence.startswith("BBB's gpt-4o cost $")
    assert "more requests +$4" in spike.sentence
    # Whoever else rings because of it says so: the customer, the model, its provider and its feature.
    followers = {each.subject.scope for each in detected.findings if each.facts.get("parent") == spike.subject.key}
    assert {"customer", "model", "provider", "feature"} <= followers
    assert {each.day for each in detected.findings} == {day(LAST)}


def test_what_everybody_does_is_the_companys(tmp_path: Path) -> None:
    detected = found(published(tmp_path, calm_rows(), times(3, days=range(LAST, DAYS))))
    assert [each.subject.key for each in leading(detected)] == ["company"]
    assert all(each.facts["parent"] == "company" for each in detected.findings if each.subject.key != "company")


def test_a_model_that_everybody_uses_more_leads_its_customers(tmp_path: Path) -> None:
    detected = found(published(tmp_path, calm_rows(), times(4, days=range(LAST, DAYS), model="claude")))
    assert [each.subject.key for each in leading(detected)] == ["model|provider=anthropic|model=claude"]


def test_a_new_level_leads_by_the_same_subject_on_each_day_and_then_is_the_usual(tmp_path: Path) -> None:
    view = published(tmp_path, calm_rows(), times(5, customer="cus_c", days=range(60, DAYS)))
    detected = found(view, since=day(30))
    leads = {each.subject.key for number in range(30, DAYS) for each in leading(detected, number)}
    assert leads == {"customer|customer_id=cus_c"}
    days = sorted({each.day for each in detected.findings})
    assert days[0] == day(60)
    assert days[-1] < day(60 + 5 * 7)
    # The runs of every day say the same as one that looks at all of them.
    again = detect(view, now=NOW, since=day(LAST - 6))
    assert again.findings == [each for each in detected.findings if each.day >= day(LAST - 6)]


def test_a_level_that_goes_back_to_where_it_was_is_no_fall(tmp_path: Path) -> None:
    view = published(tmp_path, calm_rows(), times(5, customer="cus_c", days=range(60, 88)))
    assert {each.is_rise for each in found(view, since=day(30)).findings} == {True}


def test_usage_that_moves_to_another_model_is_not_lost(tmp_path: Path) -> None:
    moved = times(0, days=range(100, DAYS), model="gpt-4o")
    rows = calm_rows()
    more = [
        used(row["day"], row["customer_id"], row["requests"], provider="openai", model="gpt-5", feature="chat")
        for row in rows
        if row["model"] == "gpt-4o" and row["day"] >= day(100)
    ]
    detected = found(published(tmp_path, [*rows, *more], lambda row: row if row["model"] == "gpt-5" else moved(row)))
    assert [each for each in detected.findings if not each.is_rise] == []


def test_a_customer_who_vanishes_is_a_fall(tmp_path: Path) -> None:
    detected = found(published(tmp_path, calm_rows(), without(days=range(LAST - 3, DAYS), customer="cus_a")))
    assert {each.subject.key for each in leading(detected)} == {"customer|customer_id=cus_a"}
    assert leading(detected)[0].actual == 0


@pytest.mark.parametrize("provider", [None, "anthropic"])
def test_a_day_that_has_not_come_in_is_late_and_no_fall(tmp_path: Path, provider: str | None) -> None:
    detected = found(published(tmp_path, calm_rows(), without(days=range(117, 119), provider=provider)))
    assert detected.findings == []
    assert [(each.day, each.provider) for each in detected.late_days] == [(day(117), provider), (day(118), provider)]


def test_a_day_of_which_most_customers_are_missing_is_late(tmp_path: Path) -> None:
    """Four of the five who use it daily have no row: a file has not come."""
    rows = [
        row
        for row in calm_rows()
        if row["provider"] != "openai" or row["day"] != day(LAST) or row["customer_id"] == "cus_a"
    ]
    detected = found(published(tmp_path, rows))
    assert [(each.day, each.provider) for each in detected.late_days] == [(day(LAST), "openai")]
    assert detected.findings == []


def test_a_provider_that_is_used_no_more_is_late_for_two_weeks_and_then_gone(tmp_path: Path) -> None:
    view = published(tmp_path, calm_rows(), without(days=range(90, DAYS), provider="anthropic"))
    assert found(view).late_days == []


@pytest.mark.parametrize(
    ("reaches", "is_closed"), [(timedelta(hours=-2), True), (timedelta(hours=-9), False)], ids=["22:00", "15:00"]
)
def test_the_last_day_is_judged_when_its_usage_has_come_to_its_end(
    tmp_path: Path, reaches: timedelta, is_closed: bool
) -> None:
    latest = datetime.combine(day(DAYS), datetime.min.time()) + reaches
    detected = found(published(tmp_path, calm_rows(), times(10, days=range(LAST, DAYS)), latest=latest))
    assert bool(detected.findings) is is_closed
    assert [each.day for each in detected.late_days] == ([] if is_closed else [day(LAST)])


def test_calls_without_a_price_are_said_and_no_fall(tmp_path: Path) -> None:
    """On the last day half of a customer's calls have no price: what is known halves, what was used does not."""
    rows = []
    for row in calm_rows():
        if row["customer_id"] == "cus_a" and row["day"] == day(LAST):
            half = row["requests"] // 2
            names = {name: row[name] for name in ("provider", "model", "feature")}
            rows.append(used(row["day"], "cus_a", row["requests"] - half, price_id=row["price_id"], **names))
            unpriced = {"price_id": None, "cost_pico_usd": None, "list_cost_pico_usd": None, "cost_source": None}
            rows.append(used(row["day"], "cus_a", half, **names) | unpriced)
        else:
            rows.append(row)
    assert found(published(tmp_path / "calm", rows)).findings == []
    more = [
        row
        | {name: row[name] * 20 for name in ("requests", "events", "input_uncached_tokens")}
        | ({} if row["cost_pico_usd"] is None else {"cost_pico_usd": row["cost_pico_usd"] * 20})
        if row["customer_id"] == "cus_a" and row["day"] == day(LAST)
        else row
        for row in rows
    ]
    (spike,) = leading(found(published(tmp_path / "more", more)))
    assert int(spike.facts["unpriced_events"]) > 10_000
    assert "have no price and are not in it" in spike.sentence


def test_another_price_is_one_finding_of_its_model_and_no_ones_spike(tmp_path: Path) -> None:
    """From day 115 on gpt-4o costs twice as much: what 10,000 requests cost that day is $25.00 more."""
    new = {"price_id": 3, "price_key": f"openai/gpt-4o@{day(115)}", "provider": "openai", "model": "gpt-4o"}
    new |= {"valid_from": datetime.combine(day(115), datetime.min.time()), "input_uncached_tokens_pico_usd": 5_000_000}
    entries = [
        {"price_id": 1, "price_key": "openai/gpt-4o", "provider": "openai", "model": "gpt-4o"},
        {"price_id": 2, "price_key": "anthropic/claude", "provider": "anthropic", "model": "claude"},
        new,
    ]
    rows = [
        row | {"price_id": 3, "cost_pico_usd": row["cost_pico_usd"] * 2, "list_cost_pico_usd": row["cost_pico_usd"] * 2}
        if row["model"] == "gpt-4o" and row["day"] >= day(115)
        else row
        for row in calm_rows()
    ]
    (change,) = found(published(tmp_path, rows, entries=entries)).findings
    assert (change.day, change.subject.key) == (day(115), "model|provider=openai|model=gpt-4o|name=price")
    requests = sum(row["requests"] for row in rows if row["model"] == "gpt-4o" and row["day"] == day(115))
    assert change.expected == requests * REQUEST
    assert change.actual == 2 * requests * REQUEST
    assert change.parts == {"token_price": requests * REQUEST}
    assert change.sentence.startswith("gpt-4o has another price: the day's calls of 5 customers cost $")


def test_a_new_customer_is_not_judged_before_two_weeks(tmp_path: Path) -> None:
    rows = calm_rows()
    names = {"provider": "openai", "model": "gpt-4o", "feature": "chat", "price_id": 1}
    new = [used(day(number), "cus_new", 60 * (20 if number == 110 else 1), **names) for number in range(105, DAYS)]
    assert found(published(tmp_path, [*rows, *new]), since=day(90)).findings == []


def test_a_tuning_moves_the_limit_of_its_subject_alone(tmp_path: Path) -> None:
    view = published(tmp_path, calm_rows(), times(10, customer="cus_b", days=range(LAST, DAYS)))
    plain = {each.subject.key: each.score for each in found(view).findings}
    key = "customer|customer_id=cus_b"
    tuned = {each.subject.key: each.score for each in found(view, tunings={("cost_spike", key): Fraction(2)}).findings}
    assert key in plain
    assert tuned.get(key, 0) == pytest.approx(plain[key] / 2 if plain[key] >= 2 else 0)
    assert {name: score for name, score in tuned.items() if name != key} == {
        name: score for name, score in plain.items() if name != key
    }


def test_without_a_rate_the_impact_is_unknown_and_the_spike_is_still_told(tmp_path: Path) -> None:
    view = published(tmp_path, calm_rows(), times(10, customer="cus_b", days=range(LAST, DAYS)), rate_nano=None)
    assert {each.impact_minor for each in found(view).findings} == {None}


def test_a_company_without_usage_has_nothing_to_say(tmp_path: Path) -> None:
    publish_tables(tmp_path)
    view = warehouse_reads.open_current(tmp_path, ACME)
    assert view is not None
    assert found(view) == Detected([], [], 0, 0)


def test_usage_of_nobody_is_no_late_day(tmp_path: Path) -> None:
    """Whose usage it is does not matter to whether it has come."""
    view = published(tmp_path, [row | {"customer_id": None} for row in calm_rows(60)], times(10, days=range(59, 60)))
    detected = detect(view, now=NOW - timedelta(days=60))
    assert detected.late_days == []
    assert [each.subject.key for each in leading(detected, 59)] == ["company"]


def test_half_as_much_again_of_everything_is_the_companys_news_and_no_single_customers(tmp_path: Path) -> None:
    """Half more on two days is too little to be news of one customer; it is news of all of them together."""
    detected = found(published(tmp_path, calm_rows(), times(1.5, days=range(LAST - 1, DAYS))))
    assert [each.subject.key for each in leading(detected)] == ["company"]
    assert not [each for each in detected.findings if each.subject.customer_id is not None]


def test_a_day_that_only_later_days_give_away_belongs_to_its_episode(tmp_path: Path) -> None:
    """One customer's requests of three times the tokens are told of them at once, and of the whole company on the second day.

    The first day then counts in the company's episode too; nobody claims that it was told.
    """

    def longer(row: Row) -> Row | None:
        if row["customer_id"] != "cus_a" or row["day"] < day(LAST - 9):
            return row
        kept = {name: row[name] for name in ("provider", "model", "feature", "price_id")}
        return used(row["day"], "cus_a", row["requests"], tokens=3_000, **kept)

    def of(scope: str, until: int, folder: str) -> list[tuple[int, bool]]:
        view = published(tmp_path / folder, calm_rows(until), longer, now=NOW - timedelta(days=DAYS - until))
        told = detect(view, now=NOW - timedelta(days=DAYS - until), since=day(100)).findings
        return [
            ((each.day - day(0)).days, "known_later" not in each.facts) for each in told if each.subject.scope == scope
        ]

    on_the_day = DAYS - 9
    assert of("customer", on_the_day, "early") == [(110, True)]
    assert of("company", on_the_day, "early") == []
    assert of("company", DAYS, "late") == [(110, False), *((number, True) for number in range(111, DAYS))]
