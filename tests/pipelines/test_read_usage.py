"""Usage files are read in the documented schema: from any container, past any bad row, and on from any row."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.read_usage import NORMALIZED_SCHEMA, UsageFileRefused, open_usage, read_batches
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


BAD_ROWS = {
    "e1,2026-11-01T12:00:00Z,acme,openai,gpt-4o,abc,0,1,0": "input_tokens ('abc') must be a whole number between 0 and 1000000000000",
    "e2,2026-11-01T12:00:00Z,acme,openai,gpt-4o,1.5,0,1,0": "input_tokens ('1.5') must be a whole number between 0 and 1000000000000",
    "e3,2026-11-01T12:00:00Z,acme,openai,gpt-4o,-5,0,1,0": "input_tokens (-5) must be between 0 and 1000000000000",
    "e4,2026-11-01T12:00:00Z,acme,openai,gpt-4o,10,400,1,0": "cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens"
    " + input_audio_tokens (400) cannot exceed input_tokens (10)",
    "e5,2026-11-01T12:00:00Z,acme,openai,gpt-4o,10,0,5,6": "reasoning_tokens + output_audio_tokens (6) cannot exceed output_tokens (5)",
    ",2026-11-01T12:00:00Z,acme,openai,gpt-4o,1,0,1,0": "event_id is missing",
    "e7,,acme,openai,gpt-4o,1,0,1,0": "occurred_at is missing",
    "e8,2026-11-01T12:00:00Z,acme,openai,,1,0,1,0": "model is missing",
    "e9,yesterday,acme,openai,gpt-4o,1,0,1,0": "occurred_at ('yesterday') must be a moment between 2000 and 2100 such as"
    " 2026-11-01T12:00:00Z",
    "e10,1970-01-21T00:00:00Z,acme,openai,gpt-4o,1,0,1,0": "occurred_at ('1970-01-21T00:00:00Z') must be a moment between 2000"
    " and 2100 such as 2026-11-01T12:00:00Z",
    "e11,2026-11-01T12:00:00Z,acme,openai,gpt-4o,1,0,1": "the row has 8 columns, the header 9",
    "e12,2026-11-01T12:00:00Z,acme,openai,gpt-4o,99999999999999999999,0,1,0": "input_tokens ('99999999999999999999') must be a"
    " whole number between 0 and 1000000000000",
}
GOOD = "good,2026-11-01T12:00:00Z,acme,openai,gpt-4o,1,0,1,0"


@pytest.mark.parametrize("bad", BAD_ROWS)
def test_a_bad_row_is_kept_with_its_line_and_reason_and_the_good_rows_stay(tmp_path: Path, bad: str) -> None:
    path = text_file(tmp_path / "u.csv", HEADER + f"{GOOD}\n{bad}\n{GOOD}\n")
    batch = read_all(path)
    assert batch.events["event_id"].to_list() == ["good", "good"]
    assert batch.lines.to_list() == [2, 4]
    assert batch.rejects.select("line", "reason", "row").rows() == [(3, BAD_ROWS[bad], bad)]
    assert batch.rows_done == 3


def test_a_lost_quote_costs_its_own_line_only(tmp_path: Path) -> None:
    """The quote of line 3 is never closed; what follows it are good rows."""
    path = text_file(tmp_path / "u.csv", HEADER + f'{GOOD}\n"e,2026-11-01,a,b,c,1,0,1,0\n{GOOD}\n{GOOD}\n')
    batch = read_all(path)
    assert batch.lines.to_list() == [2, 4, 5]
    assert batch.rejects.select("line", "reason").rows() == [(3, "a quote is opened and not closed")]


def test_a_cell_may_hold_line_breaks_quotes_and_commas(tmp_path: Path) -> None:
    path = text_file(
        tmp_path / "u.csv",
        'event_id,occurred_at,model,feature\r\n"a,1",2026-11-01T12:00:00Z,gpt-4o,"write\r\na ""poem"""\r\nb,2026-11-01T12:00:00Z,gpt-4o,\r\n',
    )
    batch = read_all(path)
    assert batch.events["event_id"].to_list() == ["a,1", "b"]
    assert batch.events["feature"].to_list() == ['write\r\na "poem"', None]
    assert batch.lines.to_list() == [2, 4]


def test_bytes_that_are_no_text_cost_their_line_only(tmp_path: Path) -> None:
    csv, jsonl = tmp_path / "u.csv", tmp_path / "u.jsonl"
    csv.write_bytes(
        b"\xef\xbb\xbfevent_id,occurred_at,model\na,2026-11-01,gpt-4o\nb\xff,2026-11-01,gpt-4o\nc,2026-11-01,gpt-4o\n"
    )
    line = b'{"event_id":"a","occurred_at":"2026-11-01","model":"gpt-4o"}\n'
    jsonl.write_bytes(line + line.replace(b'"a"', b'"b\xff"') + b"not json\n[1]\n" + line)
    assert read_all(csv).events["event_id"].to_list() == ["a", "c"]
    assert read_all(csv).rejects["reason"].to_list() == ["byte 2 of the line (0xff) is not UTF-8"]
    batch = read_all(jsonl)
    assert batch.events.height == 2
    assert batch.rejects["line"].to_list() == [2, 3, 4]
    assert batch.rejects["reason"][0] == "byte 15 of the line (0xff) is not UTF-8"
    assert batch.rejects["reason"][1].startswith("not readable as JSON: ")
    assert batch.rejects["reason"][2] == "this is no JSON object"


def test_a_broken_array_keeps_what_stands_before_the_break(tmp_path: Path) -> None:
    good = '{"event_id":"a","occurred_at":"2026-11-01","model":"gpt-4o"}'
    batch = read_all(text_file(tmp_path / "u.json", f"[\n {good},\n {good},\n 5,\n {{broken"))
    assert batch.lines.to_list() == [2, 3]
    assert batch.rejects.select("line", "reason").rows() == [
        (4, "this is no JSON object"),
        (5, "from here on there is no readable JSON"),
    ]


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


def refused(path: Path, **options: str) -> str:
    with pytest.raises(UsageFileRefused) as caught:
        open_usage(path, **options)
    return str(caught.value).replace(str(path.parent) + "/", "")


def test_a_file_that_cannot_be_read_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "z.csv").write_bytes(gzip.compress(b"a,b"))
    pl.DataFrame({"event_id": ["a"], "model": ["m"]}).write_parquet(tmp_path / "short.parquet")
    (tmp_path / "broken.parquet").write_bytes((tmp_path / "short.parquet").read_bytes()[:-30])
    assert refused(tmp_path / "none.csv") == "none.csv cannot be read: No such file or directory."
    assert "is a folder" in refused(tmp_path)
    assert refused(text_file(tmp_path / "empty.csv", "")) == "empty.csv is empty."
    assert refused(tmp_path / "z.csv") == "z.csv is compressed: unpack it first."
    assert "must end in one of .csv" in refused(text_file(tmp_path / "u.txt", "a"))
    assert "no JSON object" in refused(text_file(tmp_path / "u.jsonl", "5\n"))
    assert "no readable Parquet" in refused(tmp_path / "broken.parquet")
    assert "of no known usage format" in refused(tmp_path / "short.parquet")
    assert "has no column for occurred_at" in refused(tmp_path / "short.parquet", format="metering")
    assert "names a more than once" in refused(text_file(tmp_path / "twice.csv", "a,a\n1,2\n"))
    assert "no usage format 'x'" in refused(tmp_path / "short.parquet", format="x")
    assert "names nr, but the file has only" in refused(tmp_path / "short.parquet", columns="nr=event_id")
    assert "must be theirs=ours" in refused(tmp_path / "short.parquet", columns="nr=number")


def test_columns_of_any_type_cost_their_rows_at_most(tmp_path: Path) -> None:
    """Bytes are the text of old writers; a list is no event id but names the event; a span of time is no amount."""
    path = tmp_path / "u.parquet"
    pl.DataFrame(
        {
            "event_id": [[1, 2], [3]],
            "occurred_at": [NOON, NOON],
            "model": [b"gpt-4o", b"gpt-4o"],
            "reported_cost_usd": [timedelta(days=1), None],
            "output_tokens": [True, None],
        }
    ).write_parquet(path)
    batch = read_all(path)
    assert batch.events.select("event_id", "model").rows() == [("[3]", "gpt-4o")]
    assert batch.rejects.select("event_id", "reason").rows() == [
        ("[1, 2]", "output_tokens (True) must be a whole number between 0 and 1000000000000")
    ]
