"""The running day rings when its cost so far is more than was ever usual by that hour, and not because an hour is a wild thing."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import numpy as np
import polars as pl
import pytest
from sqlalchemy import Engine

from pipelines.detect_spikes import detect
from pipelines.publish_warehouse import publish
from pipelines.spike_findings import unusual_days
from pricing.anomaly_subjects import subjects_of
from pricing.anomaly_today import COMPONENTS_OF_ONE_DAY, LIMIT, until_hour
from store import warehouse_reads
from tests.pipelines.imported_usage import import_one
from tests.store.stripe_money import keep

DAYS, HOURS = 57, 24
FIRST = date(2026, 9, 21)
TODAY = FIRST + timedelta(days=DAYS - 1)


def hourly_requests(
    customers: int, *, seed: int, is_bursty: bool
) -> np.ndarray[tuple[int, int, int], np.dtype[np.float64]]:
    """Calls by customer, day and hour: office hours or all around the clock, 20 to 2,000 a day, Poisson or in bursts."""
    random = np.random.default_rng(seed)
    hours = np.arange(HOURS)
    office = np.exp(-((hours - 14) ** 2) / 18) + 0.02
    shapes = np.where(random.random((customers, 1)) < 0.5, office, np.ones(HOURS))
    a_day = np.exp(random.uniform(np.log(20), np.log(2_000), (customers, 1)))
    mean = (a_day * shapes / shapes.sum(axis=1, keepdims=True))[:, np.newaxis, :]
    weekday = np.where(np.arange(DAYS) % 7 >= 5, 0.6, 1.0)[np.newaxis, :, np.newaxis]
    mean = mean * weekday * random.lognormal(0, 0.1, (customers, DAYS, 1))
    if is_bursty:
        # A quarter of the hours has nearly all of the calls, another quarter each day.
        mean = mean * random.gamma(0.4, 1 / 0.4, (customers, DAYS, HOURS))
    return random.poisson(mean).astype(np.float64)


def frames(
    calls: np.ndarray[tuple[int, int, int], np.dtype[np.float64]], hour: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Daily costs and the shares by an hour, as the store reads them: a cent a call."""
    whole, by_then = calls.sum(axis=2), calls[:, :, :hour].sum(axis=2)
    customer, day = np.nonzero(whole)
    names = {
        "scope": "customer_model",
        "customer_id": [f"cus_{row}" for row in customer],
        "provider": "openai",
        "model": "gpt-4o",
        "feature": None,
        "day": [FIRST + timedelta(days=int(number)) for number in day],
    }
    requests = whole[customer, day].astype(np.int64)
    counts = {"events": requests, "unpriced_events": 0, "requests": requests, "cost_pico_usd": requests * 10**10}
    usage = pl.DataFrame(names | counts | {"fixed_usd": requests / 100}, schema_overrides={"feature": pl.String()})
    so_far = by_then[customer, day]
    shares = pl.DataFrame(
        names | {"requests_until": so_far.astype(np.int64), "share_until": so_far / requests},
        schema_overrides={"feature": pl.String()},
    )
    return usage, shares


def rings(calls: np.ndarray[tuple[int, int, int], np.dtype[np.float64]], hour: int) -> list[str]:
    """The customers whose last day rings at that hour."""
    until = until_hour(*frames(calls, hour))
    subjects = subjects_of(until, "customer_model", (FIRST, TODAY), [])
    found = unusual_days(subjects, DAYS - 1, 25 * 10**10, {}, COMPONENTS_OF_ONE_DAY)
    told = [each for each in found if each.alert.is_rise and each.alert.score >= LIMIT]
    return sorted(each.subject.customer_id or "" for each in told)


@pytest.mark.parametrize("is_bursty", [False, True], ids=["Poisson hours", "bursty hours"])
def test_usual_hours_hardly_ever_ring(is_bursty: bool) -> None:
    """60 customers at 6 hours of 8 days: of 2,880 looks at a calm day, at most 3 may ring."""
    rung = sum(
        len(rings(hourly_requests(60, seed=seed, is_bursty=is_bursty), hour))
        for seed in range(8)
        for hour in (1, 4, 9, 13, 18, 23)
    )
    assert rung <= 3


@pytest.mark.parametrize("hour", [9, 13, 20])
def test_six_times_the_calls_of_the_hours_so_far_ring(hour: int) -> None:
    calls = hourly_requests(40, seed=1, is_bursty=False)
    calls[7, -1, :hour] = calls[7, -8, :hour] * 6 + 600
    assert rings(calls, hour) == ["cus_7"]


def test_a_running_day_rings_before_it_ends_and_says_what_it_comes_to(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Calls of 100,000 tokens at $2.50 a million cost $0.25; by 10:00 usually 10 of a day's 24, today 100: $25.00 instead of $2.50."""
    lines = ["event_id,occurred_at,customer_id,provider,model,input_tokens,output_tokens\n"]
    random = np.random.default_rng(3)
    first = date(2026, 10, 1)
    for number in range(50):
        is_today = number == 49
        for hour in range(10 if is_today else HOURS):
            for customer, calls in (("acct_1", 10 if is_today else 1), ("acct_2", 1)):
                for call in range(calls + int(random.random() < 0.1)):
                    at = datetime.combine(first + timedelta(days=number), datetime.min.time()).replace(
                        hour=hour, minute=call
                    )
                    lines.append(
                        f"{customer}-{at:%m%d%H}-{call},{at:%Y-%m-%dT%H:%M:%S}Z,{customer},openai,gpt-4o,100000,0\n"
                    )
    # The first events of the eleventh hour show that the tenth is over.
    lines.append("last,2026-11-19T10:01:00Z,acct_2,openai,gpt-4o,100000,0\n")
    file = tmp_path / "usage.csv"
    file.write_text("".join(lines))
    mapping = tmp_path / "mapping.csv"
    mapping.write_text("source_ref,customer_id\nacct_1,cus_1\nacct_2,cus_2\n")
    for customer in ("cus_1", "cus_2"):
        keep(engine, tenant, {"id": customer, "object": "customer", "name": customer, "created": 0, "metadata": {}})
    import_one(engine, tmp_path, tenant, file, mapping)
    now = datetime(2026, 11, 19, 10, 5, tzinfo=UTC)
    publish(engine, tmp_path, tenant, now=now)
    view = warehouse_reads.open_current(tmp_path, tenant)
    assert view is not None
    found = [each for each in detect(view, now=now).findings if "parent" not in each.facts]
    (spike,) = found
    assert (spike.is_provisional, spike.day, spike.subject.customer_id) == (True, date(2026, 11, 19), "cus_1")
    assert spike.facts["until_hour"] == 10
    so_far, usual = spike.facts["until_hour_pico_usd"], spike.facts["until_hour_expected_pico_usd"]
    assert isinstance(so_far, int)
    assert isinstance(usual, int)
    assert 25 <= so_far / 1e12 < 26
    assert 2.4 < usual / 1e12 < 3
    assert spike.actual is not None
    assert spike.expected is not None
    assert spike.actual - spike.expected == so_far - usual == sum(spike.parts.values())
    assert 5.5 < spike.expected / 1e12 < 7.5  # 24 to 27 calls a day
    assert spike.sentence.startswith("By 10:00 UTC cus_1's gpt-4o cost $25.")
