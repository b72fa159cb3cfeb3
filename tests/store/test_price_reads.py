"""What usage has no price is named with its reason; the last comparison of prices is kept whole."""

from datetime import date
from pathlib import Path

import polars as pl

from pricing.usage import BUCKETS
from store import price_differences
from store.warehouse_reads import open_current
from store.warehouse_unpriced import unpriced_models
from tests.store.warehouse_rows import ACME, MALLORY, NOVEMBER, NOW, OCTOBER, Row, publish_tables

WHY = "no price entry for acme/house"


def usage(model: str, day: date, **given: object) -> Row:
    """Usage of a day without a price and without anything used, unless given."""
    row = dict.fromkeys(BUCKETS, 0) | {"day": day, "month": day.replace(day=1), "provider": "acme", "model": model}
    return row | {"events": 1, "cost_pico_usd": None, "unpriced_reason": WHY} | given


def test_usage_without_a_price_is_summed_by_model_and_reason_with_its_first_and_last_day(tmp_path: Path) -> None:
    """3 + 2 events of one model; what has a price is left out; another tenant sees nothing of it."""
    rows = [
        usage("house", OCTOBER, events=3, input_uncached_tokens=100),
        usage("house", NOVEMBER, events=2, output_text_tokens=20),
        usage("barn", NOVEMBER, events=1, images=4),
        usage("gpt-4o", NOVEMBER, events=9, cost_pico_usd=5, unpriced_reason=None),
    ]
    publish_tables(tmp_path, {"usage_cube": rows})
    publish_tables(tmp_path, {}, tenant_id=MALLORY, slug="mallory")
    acme, mallory = open_current(tmp_path, ACME), open_current(tmp_path, MALLORY)
    assert acme is not None
    assert mallory is not None
    assert unpriced_models(acme).rows() == [
        ("acme", "house", WHY, 5, 120, OCTOBER, NOVEMBER),
        ("acme", "barn", WHY, 1, 0, NOVEMBER, NOVEMBER),
    ]
    assert unpriced_models(mallory).is_empty()


def test_a_comparison_takes_the_place_of_the_last_one(tmp_path: Path) -> None:
    assert price_differences.read(tmp_path) is None
    first, second = (pl.DataFrame({"model": [name], "verdict": ["same"]}) for name in ("a", "b"))
    price_differences.save(tmp_path, first, other="a.json", now=NOW)
    price_differences.save(tmp_path, second, other="b.json", now=NOW)
    kept = price_differences.read(tmp_path)
    assert kept is not None
    assert (kept.other, kept.compared_at) == ("b.json", NOW)
    assert kept.rows.equals(second)
    assert [path.name for path in (tmp_path / "prices").iterdir()] == ["differences.parquet"]
