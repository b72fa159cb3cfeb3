"""Alerts explained from the lake to the row: the same sums as the calls, keys that stay secret, and nothing of anybody else's."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine

from pipelines.explain_alerts import explain
from pricing.alert_explanation import Explanation, Part, RateExplanation, from_document
from pricing.finding import Finding, Subject
from store import alert_reads, alerts
from store.alert_reads import StoredAlert
from store.database import tenant_transaction
from store.lake import tenant_folder
from store.warehouse_reads import Warehouse, open_current
from tests.alert_fixtures import stored
from tests.pipelines.explained_calls import FIRST, NOW, SECRET, Call, call, publish_calls
from tests.store.warehouse_rows import publish_tables, usage, with_usage

NORTH = Subject(scope="customer", customer_id="cus_north")
DAYS = [FIRST + timedelta(days=place) for place in range(3)]
# 1,000 tokens at $3 and 100 at $15 a million.
USUAL = 1_000 * 3_000_000 + 100 * 15_000_000


def usual_calls() -> list[Call]:
    """Four calls a day of Northwind's for forty days, one of them a batch job's with a key of its own; Sable's one a day."""
    days = [FIRST - timedelta(days=back) for back in range(1, 41)]
    calls = [call(day, number) for day in days for number in range(3)]
    calls += [call(day, 3, feature="batch", api_key=SECRET) for day in days]
    return calls + [call(day, 4, customer_ref="sable", model="haiku") for day in days]


def spiky_calls() -> list[Call]:
    """Then three days on which the batch job's prompts are 41 times as long, and calls of a model that has no price."""
    calls = [call(day, number) for day in DAYS for number in range(3)]
    calls += [call(day, 3, feature="batch", api_key=SECRET, input_uncached_tokens=41_000) for day in DAYS]
    calls += [call(day, 4, customer_ref="sable", model="haiku") for day in DAYS]
    return calls + [call(day, 5, model="new-model") for day in DAYS]


def spike(
    engine: Engine, tenant: UUID, subject: Subject, actual: Sequence[int], expected: int, **given: Any
) -> StoredAlert:
    """An open alert of these days' costs in pico-USD, each of which was expected to be `expected`."""
    found = [
        Finding(
            detector="cost_spike",
            subject=subject,
            day=FIRST + timedelta(days=place),
            unit="pico_usd",
            actual=cost,
            expected=expected,
            lower=expected // 2,
            upper=expected * 2,
            impact_minor=round((cost - expected) / 10**10),
            score=2.0,
            sentence="It cost more.",
        )
        for place, cost in enumerate(actual)
    ]
    with tenant_transaction(engine, tenant) as connection:
        made = stored(
            connection,
            tenant,
            found[0],
            last_day=found[-1].day,
            impact_minor=round(sum(cost - expected for cost in actual) / 10**10),
            **given,
        )
        alerts.put_days(connection, tenant, made.alert_id, {each.day: each for each in found}, now=NOW)
    return made


def explained(engine: Engine, home: Path, tenant: UUID, view: Warehouse, alert: StoredAlert) -> Explanation:
    assert explain(engine, home, tenant, view, [alert]) == 1
    with tenant_transaction(engine, tenant) as connection:
        read = alert_reads.one(connection, alert.alert_id)
    assert read is not None
    assert read.explanation is not None
    found = from_document(read.explanation)
    assert isinstance(found, Explanation)
    assert read.sentence == found.sentence
    return found


def amounts(parts: Sequence[Part]) -> list[tuple[str, int]]:
    return [(part.label, part.pico_usd) for part in parts]


def test_a_customers_spike_is_explained_from_its_own_calls_to_the_cent(
    engine: Engine, tenant: UUID, mallory: UUID, tmp_path: Path
) -> None:
    """40,000 tokens more at $3 a million are $0.12 a day and $0.36 in three days: all of it longer prompts of the batch job's key."""
    view = publish_calls(tmp_path, tenant, "acme", [*usual_calls(), *spiky_calls()])
    publish_calls(tmp_path, mallory, "mallory", [call(day, api_key="mallorys") for day in DAYS])
    alert = spike(engine, tenant, NORTH, [4 * USUAL + 120_000_000_000] * 3, 4 * USUAL)

    found = explained(engine, tmp_path, tenant, view, alert)

    assert (found.impact_pico_usd, found.impact_minor) == (360_000_000_000, 36)
    assert amounts(found.drivers)[0] == ("Tokens per request", 360_000_000_000)
    assert amounts(found.models) == [("anthropic/sonnet", 360_000_000_000)]
    assert amounts(found.features) == [("batch", 360_000_000_000)]
    assert amounts(found.api_keys) == [("\N{HORIZONTAL ELLIPSIS}a1f3", 360_000_000_000)]
    assert [part.label for part in found.customers] == ["Northwind"]
    assert found.unpriced_events == 3
    assert (found.baseline_first_day, found.baseline_days) == (FIRST - timedelta(days=35), 28)
    # $600 over 20 days of November so far: $90 on three of them.
    assert found.customer_points is not None
    assert (found.customer_points.ppm, found.company_points.ppm) == (-4_000, -400)
    # The 13th and 14th are two days' excess in the week that ends on the 19th; at that pace eleven more days are to come.
    assert found.month_end_pico_usd == 360_000_000_000 + round(Fraction(240_000_000_000, 7) * 11)
    assert SECRET not in json.dumps(read_document(engine, tenant, alert))


def read_document(engine: Engine, tenant: UUID, alert: StoredAlert) -> Any:
    with tenant_transaction(engine, tenant) as connection:
        read = alert_reads.one(connection, alert.alert_id)
    assert read is not None
    return read.explanation


def test_the_companys_spike_names_the_customer_and_what_is_not_in_it(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Usual days cost four of Northwind's calls and one of Sable's haiku ($0.0015)."""
    view = publish_calls(tmp_path, tenant, "acme", [*usual_calls(), *spiky_calls()])
    usual = 4 * USUAL + 1_500_000_000
    alert = spike(engine, tenant, Subject(scope="company"), [usual + 120_000_000_000] * 3, usual)

    found = explained(engine, tmp_path, tenant, view, alert)

    assert amounts(found.customers) == [("Northwind", 360_000_000_000)]
    assert found.customer_points is None
    assert "mostly Northwind's feature 'batch' with key \N{HORIZONTAL ELLIPSIS}a1f3" in found.sentence


def test_a_new_price_is_price_alone_and_named_with_its_entry(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """On 16 November sonnet goes from $3 to $4 and from $15 to $20; ten calls of that day cost a third more, $0.015."""
    day = date(2026, 11, 16)
    calls = usual_calls() + [call(day, number) for number in range(10)]
    view = publish_calls(tmp_path, tenant, "acme", calls)
    subject = Subject(scope="model", provider="anthropic", model="sonnet", name="price")
    after = 10 * (1_000 * 4_000_000 + 100 * 20_000_000)
    given = Finding(
        detector="cost_spike",
        subject=subject,
        day=day,
        unit="pico_usd",
        actual=after,
        expected=10 * USUAL,
        impact_minor=2,
        score=1.0,
        sentence="sonnet has become dearer.",
    )
    with tenant_transaction(engine, tenant) as connection:
        alert = stored(connection, tenant, given)

    found = explained(engine, tmp_path, tenant, view, alert)

    assert amounts(found.drivers)[0] == ("Price", 15_000_000_000)
    assert sum(part.pico_usd for part in found.drivers[1:]) == 0
    assert [(each.unit, each.day, each.from_pico_usd, each.to_pico_usd) for each in found.price_changes] == [
        ("input_uncached_tokens", day, 3_000_000, 4_000_000),
        ("cache_read_tokens", day, 300_000, 400_000),
        ("output_text_tokens", day, 15_000_000, 20_000_000),
    ]


def test_without_the_lakes_files_everything_but_the_keys_is_explained(
    engine: Engine, tenant: UUID, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Repricing has replaced the files since the version was published."""
    view = publish_calls(tmp_path, tenant, "acme", [*usual_calls(), *spiky_calls()])
    alert = spike(engine, tenant, NORTH, [4 * USUAL + 120_000_000_000] * 3, 4 * USUAL)
    for path in tenant_folder(tmp_path, tenant).glob("day=*/*"):
        path.unlink()

    found = explained(engine, tmp_path, tenant, view, alert)

    assert amounts(found.api_keys) == [("no key named", 360_000_000_000)]
    assert amounts(found.features) == [("batch", 360_000_000_000)]
    assert "without their API keys" in caplog.text


def test_usage_that_came_as_a_report_by_day_has_no_keys(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """$5 on each of 40 days and $15 on the next, of a version without any file of calls."""
    cost, first = 5 * 10**12, FIRST - timedelta(days=40)
    days = [first + timedelta(days=place) for place in range(41)]
    cube = [
        usage(day.replace(day=1), "cus_north", cost * (3 if day == FIRST else 1), requests=10) | {"day": day}
        for day in days
    ]
    publish_tables(tmp_path, with_usage(cube), tenant_id=tenant, now=NOW)
    view = open_current(tmp_path, tenant)
    assert view is not None
    alert = spike(engine, tenant, NORTH, [3 * cost], cost)

    found = explained(engine, tmp_path, tenant, view, alert)

    assert amounts(found.api_keys) == [("no key named", 2 * cost)]
    assert amounts(found.models) == [("openai/gpt-4o", 2 * cost)]
    assert found.customer_points is not None
    assert found.customer_points.why_unknown == "nothing was sold on these days"


def test_the_same_version_explains_an_alert_once(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    view = publish_calls(tmp_path, tenant, "acme", [*usual_calls(), *spiky_calls()])
    alert = spike(engine, tenant, NORTH, [4 * USUAL + 120_000_000_000], 4 * USUAL)
    explained(engine, tmp_path, tenant, view, alert)
    with tenant_transaction(engine, tenant) as connection:
        again = alert_reads.open_alerts(connection)

    assert explain(engine, tmp_path, tenant, view, again) == 0


def test_another_detectors_alert_keeps_its_rules_own_numbers(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    view = publish_calls(tmp_path, tenant, "acme", usual_calls())
    given = Finding(
        detector="margin_floor",
        subject=NORTH,
        day=FIRST,
        unit="ppm",
        actual=310_000,
        expected=500_000,
        score=1.4,
        is_rise=False,
        sentence="Northwind's margin is 31.0 %, below its floor of 50.0 %.",
        facts={"floor_ppm": 500_000, "month": "2026-11"},
    )
    with tenant_transaction(engine, tenant) as connection:
        alert = stored(connection, tenant, given)

    assert explain(engine, tmp_path, tenant, view, [alert]) == 1

    found = from_document(read_document(engine, tenant, alert))
    assert isinstance(found, RateExplanation)
    assert (found.facts, found.sentence) == (given.facts, given.sentence)
    assert [(each.day, each.actual) for each in found.days] == [(FIRST, 310_000)]
