"""Usage files are read in the documented schema: from any container, past any bad row, and on from any row."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from pipelines.read_usage import NORMALIZED_SCHEMA, open_usage, read_batches
from pipelines.read_usage_chunks import CHUNK_ROWS
from tests.pipelines.usage_files import json_lines, only_event, read_all, text_file

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HEADER = (
    "event_id,occurred_at,customer_id,provider,model,input_tokens,cache_read_tokens,output_tokens,reasoning_tokens\n"
)


def test_totals_include_their_subsets_and_become_disjoint_buckets(tmp_path: Path) -> None:
    """1,000 tokens in, 400 of them from the cache; 300 out, 50 of them reasoning."""
    path = text_file(tmp_path / "u.csv", HEADER + "e1,2026-11-01T12:00:00Z,acme,openai,gpt-4o,1000,400,300,50\n")
    assert only_event(path) == {
        "event_id": "e1",
        "occurred_at": NOON,
        "customer_ref": "acme",
        "provider": "openai",
        "model": "gpt-4o",
        "input_uncached_tokens": 600,  # 1,000 - 400
        "cache_read_tokens": 400,
        "output_text_tokens": 250,  # 300 - 50
        "reasoning_tokens": 50,
        "requests": 1,
    }


def test_the_same_rows_read_the_same_from_every_container(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {
            "event_id": ["a", "b", "c"],
            "occurred_at": [NOON, NOON, NOON],
            "customer_id": ["acme", None, "mallory"],
            "model": ["gpt-4o", "gpt-4o", "gpt-4o"],
            "input_tokens": [7, 8, None],
            "reported_cost_usd": ["0.000001", None, "1.5"],
        }
    )
    rows.write_parquet(tmp_path / "u.parquet")
    rows.write_csv(tmp_path / "u.csv")
    rows.write_ndjson(tmp_path / "u.jsonl")
    rows.with_columns(pl.col("occurred_at").dt.to_string()).write_json(tmp_path / "u.json")
    rows.write_csv(tmp_path / "semicolons.csv", separator=";")
    tables = [
        read_all(tmp_path / name).events for name in ("u.parquet", "u.csv", "u.jsonl", "u.json", "semicolons.csv")
    ]
    assert tables[0].schema == NORMALIZED_SCHEMA
    assert tables[0]["reported_cost_pico_usd"].to_list() == [1_000_000, None, 1_500_000_000_000]
    assert tables[0]["input_uncached_tokens"].to_list() == [7, 8, 0]
    assert all(table.equals(tables[0]) for table in tables)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-11-01T12:00:00Z", NOON),
        ("2026-11-01T13:00:00+01:00", NOON),
        ("2026-11-01 06:30:00-0530", NOON),
        ("2026-11-01 12:00:00+00", NOON),
        ("2026-11-01 12:00:00", NOON),
        ("2026-11-01T12:00:00.123456789Z", NOON.replace(microsecond=123456)),
        ("2026-11-01", NOON.replace(hour=0)),
        ("1793534400", NOON),
        ("1793534400000", NOON),
        ("1793534400.5", NOON.replace(microsecond=500_000)),
        ("1793534400000000", NOON),
        ("1793534400000000000", NOON),
    ],
)
def test_a_moment_is_read_in_utc_however_it_is_written(tmp_path: Path, written: str, meant: datetime) -> None:
    path = text_file(tmp_path / "u.csv", f"event_id,occurred_at,model\ne,{written},gpt-4o\n")
    assert only_event(path)["occurred_at"] == meant


def test_moments_and_numbers_of_parquet_keep_what_their_types_say(tmp_path: Path) -> None:
    """Floats with gaps are whole numbers that a frame once held beside NaN; a column of ints is a time since 1970."""
    pl.DataFrame(
        {
            "event_id": [1, 2],
            "occurred_at": [1793534400, 1793534400000],
            "model": ["gpt-4o", "gpt-4o"],
            "input_tokens": [12.0, float("nan")],
            "reported_cost_usd": [0.1, 8e-07],
        }
    ).write_parquet(tmp_path / "u.parquet")
    batch = read_all(tmp_path / "u.parquet")
    assert batch.events["event_id"].to_list() == ["1", "2"]
    assert batch.events["occurred_at"].to_list() == [NOON, NOON]
    assert batch.events["input_uncached_tokens"].to_list() == [12, 0]
    assert batch.events["reported_cost_pico_usd"].to_list() == [100_000_000_000, 800_000]


def test_a_cell_may_hold_line_breaks_quotes_and_commas(tmp_path: Path) -> None:
    path = text_file(
        tmp_path / "u.csv",
        'event_id,occurred_at,model,feature\r\n"a,1",2026-11-01T12:00:00Z,gpt-4o,"write\r\na ""poem"""\r\nb,2026-11-01T12:00:00Z,gpt-4o,\r\n',
    )
    batch = read_all(path)
    assert batch.events["event_id"].to_list() == ["a,1", "b"]
    assert batch.events["feature"].to_list() == ['write\r\na "poem"', None]
    assert batch.lines.to_list() == [2, 4]


def test_dollars_of_json_are_read_as_they_are_written(tmp_path: Path) -> None:
    """0.1 + 0.2 of a float would be 0.30000000000000004; the text 0.3 is 300,000,000,000 pico-USD."""
    path = text_file(
        tmp_path / "u.jsonl", '{"event_id":"a","occurred_at":"2026-11-01","model":"gpt-4o","reported_cost_usd":0.3}\n'
    )
    assert only_event(path)["reported_cost_pico_usd"] == 300_000_000_000


def test_a_mapping_names_the_columns_of_a_log_of_ones_own(tmp_path: Path) -> None:
    path = text_file(tmp_path / "u.csv", "nr,when,llm,tenant,in\n1,2026-11-01T12:00:00Z,gpt-4o,acme,5\n")
    batch = read_all(path, columns="nr=event_id, when=occurred_at, llm=model, tenant=customer_id, in=input_tokens")
    assert batch.events.select("event_id", "customer_ref", "model", "input_uncached_tokens").row(0) == (
        "1",
        "acme",
        "gpt-4o",
        5,
    )


def test_a_provider_s_own_usage_body_is_read_by_its_own_rule(tmp_path: Path) -> None:
    """OpenAI's 40 cached are of the 100; Anthropic's 40 come on top of the 100; Gemini's 7 thoughts on top of the 20."""
    event = {"occurred_at": "2026-11-01T12:00:00Z", "model": "m"}
    bodies = {
        "openai": {"prompt_tokens": 100, "prompt_tokens_details": {"cached_tokens": 40}, "completion_tokens": 20},
        "anthropic": {"input_tokens": 100, "cache_read_input_tokens": 40, "output_tokens": 20},
        "google": {
            "promptTokenCount": 100,
            "cachedContentTokenCount": 40,
            "candidatesTokenCount": 20,
            "thoughtsTokenCount": 7,
        },
    }
    path = json_lines(
        tmp_path / "u.jsonl", [event | {"event_id": name, "usage": body} for name, body in bodies.items()]
    )
    batch = read_all(path)
    counted = batch.events.select(
        "input_uncached_tokens", "cache_read_tokens", "output_text_tokens", "reasoning_tokens"
    ).rows()
    assert dict(zip(bodies, counted, strict=True)) == {
        "openai": (60, 40, 20, 0),
        "anthropic": (100, 40, 20, 0),
        "google": (60, 40, 20, 7),
    }


@pytest.mark.parametrize("name", ["u.csv", "u.jsonl", "u.json", "u.parquet"])
def test_reading_goes_on_after_any_row(tmp_path: Path, name: str) -> None:
    """Rejected rows count as done: the rest after row n is what the whole has after row n."""
    rows = pl.DataFrame(
        {
            "event_id": [str(number) for number in range(9)],
            "occurred_at": ["2026-11-01"] * 9,
            "model": ["gpt-4o", None, "gpt-4o"] * 3,
        }
    )
    {
        "u.csv": rows.write_csv,
        "u.jsonl": rows.write_ndjson,
        "u.json": rows.write_json,
        "u.parquet": lambda path: rows.write_parquet(path, row_group_size=4),
    }[name](tmp_path / name)
    whole = read_all(tmp_path / name)
    assert whole.rows_done == 9
    assert whole.rejects.height == 3
    for done in range(9):
        rest = read_all(tmp_path / name, skip_rows=done)
        assert rest.rows_done == 9
        assert rest.events.equals(whole.events.filter(pl.col("event_id").cast(pl.Int64) >= done)), done
        assert rest.rejects.equals(whole.rejects.filter(pl.col("event_id").cast(pl.Int64) >= done)), done
    assert list(read_batches(open_usage(tmp_path / name), skip_rows=9)) == []


def test_a_long_file_comes_in_batches(tmp_path: Path) -> None:
    total = CHUNK_ROWS + 5
    rows = pl.DataFrame({"event_id": range(total), "occurred_at": ["2026-11-01"] * total, "model": ["gpt-4o"] * total})
    rows.write_csv(tmp_path / "u.csv")
    done = [(batch.events.height, batch.rows_done) for batch in read_batches(open_usage(tmp_path / "u.csv"))]
    assert done == [(CHUNK_ROWS, CHUNK_ROWS), (5, total)]
