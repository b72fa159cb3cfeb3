"""What is broken in a usage file costs its own row and no other; a file that cannot be read at all is refused in a sentence."""

import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from pipelines.read_usage import UsageFileRefused, open_usage
from tests.pipelines.usage_files import read_all, text_file

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
HEADER = (
    "event_id,occurred_at,customer_id,provider,model,input_tokens,cache_read_tokens,output_tokens,reasoning_tokens\n"
)


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
