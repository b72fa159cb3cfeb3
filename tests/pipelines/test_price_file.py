"""`metering price`: any usage file priced with no database, one exact answer per event."""

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from pipelines.cli import app
from pipelines.price_file import price_file, usd_text_expression
from pipelines.read_usage import UsageFileRefused
from pipelines.summaries import print_price_summary
from pricing.usage_sources.values import usd_text
from tests.pipelines.usage_files import text_file

HEADER = "event_id,occurred_at,provider,model,input_tokens,output_tokens,reported_cost_usd\n"
# gpt-4o in November 2026: 2.50 $ and 10 $ per million tokens.
ROWS = (
    "a,2026-11-01T12:00:00Z,openai,gpt-4o,1000,100,0.0035\n"
    "b,2026-11-01T12:00:00Z,openai,gpt-99,1000,100,\n"
    "c,2026-11-01T12:00:00Z,openai,gpt-4o,many,100,\n"
    "d,2026-11-01T12:00:00Z,openai,gpt-4o,1,0,\n"
)


def priced_by_command(*words: str | Path) -> str:
    """What `metering price` prints; it must succeed, and with no setting and no database."""
    done = CliRunner().invoke(app, ["price", *(str(word) for word in words)], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.output


def answers_in(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.shared
@pytest.mark.parametrize(
    "options",
    [(), ("--columns", "case_id=event_id,as_of=occurred_at,service_context=service_tier")],
    ids=["aliases", "mapped"],
)
def test_every_golden_case_is_met_to_a_billionth_by_the_command(
    shared: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """1,011 cases on which two calculators agree; the header's own names are understood, and so is a mapping of them."""
    golden, out = shared / "golden" / "golden_cases_dev.csv", tmp_path / "priced.csv"
    priced_by_command(golden, "--out", out, *options)
    expected = {row["case_id"]: Decimal(row["expected_cost_usd"]) for row in answers_in(golden)}
    answers = {row["event_id"]: row for row in answers_in(out)}
    assert len(expected) == len(answers) > 1000
    wrong = {
        case: (cost, answers[case])
        for case, cost in expected.items()
        if answers[case]["status"] != "priced"
        or abs(Decimal(answers[case]["cost_usd"]) - cost) > cost * Decimal("1e-9")
    }
    assert wrong == {}
    assert not any("e" in row["cost_usd"].lower() for row in answers.values())


def test_every_event_gets_an_answer_in_the_file_s_order(tmp_path: Path) -> None:
    """1,000 x 2.50 $ / M + 100 x 10 $ / M = 0.0035 $; one token is 0.0000025 $."""
    path, out = text_file(tmp_path / "u.csv", HEADER + ROWS), tmp_path / "priced.csv"
    printed = priced_by_command(path, "--out", out)
    assert out.read_text() == (
        "event_id,status,cost_usd,price_entry,reason\n"
        "a,priced,0.0035,openai/gpt-4o,\n"
        "b,unpriced,,,no price entry for openai/gpt-99: the price book has no model 'gpt-99' of openai\n"
        "c,rejected,,,line 4: input_tokens ('many') must be a whole number between 0 and 1000000000000\n"
        "d,priced,0.0000025,openai/gpt-4o,\n"
    )
    assert "4 events" in printed
    assert "priced    2, together $0.0035025" in printed
    assert "unpriced  1" in printed
    assert "rejected  1" in printed
    assert "The file itself says $0.0035 for 1 event that cost $0.0035 here." in printed


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_the_answer_is_the_same_in_every_container(tmp_path: Path, suffix: str) -> None:
    path, out = text_file(tmp_path / "u.csv", HEADER + ROWS), tmp_path / f"priced{suffix}"
    price_file(path, tmp_path / "priced.csv")
    price_file(path, out)
    table = pl.read_parquet(out) if suffix == ".parquet" else pl.read_ndjson(out)
    assert [{key: value or "" for key, value in row.items()} for row in table.to_dicts()] == answers_in(
        tmp_path / "priced.csv"
    )


def test_the_summary_counts_by_model_and_reason(tmp_path: Path) -> None:
    summary = price_file(text_file(tmp_path / "u.csv", HEADER + ROWS), None)
    assert (summary.events, summary.priced, summary.unpriced, summary.rejected) == (4, 2, 1, 1)
    assert summary.cost_pico_usd == 3_502_500_000  # 0.0035 $ + 0.0000025 $
    assert {model: (line.events, line.unpriced) for (_, model), line in summary.models.items()} == {
        "gpt-4o": (2, 0),
        "gpt-99": (1, 1),
    }
    assert summary.first_rejects[0][0] == 4
    assert list(tmp_path.iterdir()) == [tmp_path / "u.csv"], "without --out nothing is written"


def test_a_dearer_sum_than_63_bits_of_pico_usd_is_exact(tmp_path: Path) -> None:
    """Two events of 10^12 tokens in at 2.50 $ per million are 2 x 2,500,000 $; five of them pass 2^63 pico-USD."""
    rows = "".join(f"e{number},2026-11-01T12:00:00Z,openai,gpt-4o,1000000000000,0,\n" for number in range(5))
    assert price_file(text_file(tmp_path / "u.csv", HEADER + rows), None).cost_pico_usd == 5 * 2_500_000 * 10**12


def test_a_broken_run_leaves_no_half_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = text_file(tmp_path / "priced.csv", "yesterday's")
    path = text_file(tmp_path / "u.csv", HEADER + ROWS)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(out))

    monkeypatch.setattr("pipelines.price_file.answers", full)
    done = CliRunner().invoke(app, ["price", str(path), "--out", str(out)])
    assert done.exit_code == 2
    assert f"The disk is full at {out}: make room" in done.output
    assert out.read_text() == "yesterday's"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["priced.csv", "u.csv"]


def test_a_file_that_cannot_be_priced_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = text_file(tmp_path / "u.csv", HEADER + ROWS)
    for out, why in {
        "o.xlsx": "must end in one of .csv, .jsonl, .parquet",
        "no/o.csv": "no folder",
        "u.csv": "itself",
    }.items():
        with pytest.raises(UsageFileRefused, match=why):
            price_file(path, tmp_path / out)
    done = CliRunner().invoke(app, ["price", str(tmp_path / "none.csv")])
    assert done.exit_code == 2
    assert done.output.strip() == f"{tmp_path / 'none.csv'} cannot be read: No such file or directory."


@pytest.mark.parametrize(
    ("pico", "text"),
    [(0, "0"), (1, "0.000000000001"), (980_000_000, "0.00098"), (10**13, "10"), (10**12 + 10**11, "1.1")],
)
def test_a_cost_is_written_as_an_exact_decimal(pico: int, text: str) -> None:
    assert usd_text(pico) == text
    assert pl.select(usd_text_expression(pl.lit(pico))).item() == text


def test_a_log_with_many_models_is_summed_up(tmp_path: Path) -> None:
    """The dearest twenty are named; the rest is one line."""
    rows = "".join(f"e{n},2026-11-01T12:00:00Z,openai,none-{n},1,1,\n" for n in range(25))
    console = Console(record=True, width=120, file=(tmp_path / "out").open("w"))
    summary = price_file(text_file(tmp_path / "u.csv", HEADER + rows), None)
    print_price_summary(console, summary, None)
    console.file.close()
    printed = console.export_text()
    assert "5 other models" in printed
    assert "Run it with --out FILE.csv to see every event with its reason." in printed


@pytest.mark.shared
def test_a_million_real_events_are_priced_as_plain_arithmetic_prices_them(shared: Path) -> None:
    """List prices per million of November 2026, in and out: gpt-4o 2.50 and 10, sonnet 4.5 3 and 15, flash 0.30 and 2.50."""
    path = shared / "data" / "servegen_usage_1m.parquet"
    micro_usd: Mapping[str, tuple[str, str]] = {
        "gpt-4o": ("2.5", "10"),
        "claude-sonnet-4-5": ("3", "15"),
        "gemini-2.5-flash": ("0.3", "2.5"),
    }
    summary = price_file(path, None)
    tokens = pl.read_parquet(path).group_by("model").agg(pl.col("input_tokens", "output_tokens").sum())
    expected = {
        model: (inputs * Decimal(micro_usd[model][0]) + outputs * Decimal(micro_usd[model][1])) * 10**6
        for model, inputs, outputs in tokens.iter_rows()
    }
    assert summary.priced == 1_000_000
    assert {model: line.cost_pico_usd for (_, model), line in summary.models.items()} == expected


def test_a_price_depends_on_when_the_model_was_called(tmp_path: Path) -> None:
    """Naive times are UTC: the price of mistral-large-4 fell on 2026-10-29, at midnight UTC."""
    rows = "".join(
        f"{moment:%d},{moment:%Y-%m-%d %H:%M:%S},mistral,mistral-large-4,1000000,0,\n"
        for moment in (datetime(2026, 10, 28, 23, 59, 59, tzinfo=UTC), datetime(2026, 10, 29, tzinfo=UTC))
    )
    out = tmp_path / "priced.csv"
    price_file(text_file(tmp_path / "u.csv", HEADER + rows), out)
    assert [row["cost_usd"] for row in answers_in(out)] == ["1.36", "0.7"]
