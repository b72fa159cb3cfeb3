"""A usage file priced with no database: one answer per event, written as they come, and what it all came to."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from pipelines.read_usage import UsageBatch, UsageFileRefused, open_usage, read_batches
from pricing.cost_engine import price_events
from pricing.price_book import PriceBook, load_catalogue
from pricing.usage import INPUT_BUCKETS, OUTPUT_BUCKETS
from store.duck import connect

# The columns of the answer. `cost_usd` is an exact decimal without an exponent; it and `price_entry` are null unless priced.
ANSWER_SCHEMA: dict[str, pl.DataType] = {
    name: pl.String() for name in ("event_id", "status", "cost_usd", "price_entry", "reason")
}
_WRITTEN = (".csv", ".jsonl", ".parquet")
_SHOWN_REJECTS = 5
_PICO_DIGITS = 12

Write = Callable[[pl.DataFrame], None]


@dataclass
class ModelCost:
    """What the events of one model used and cost. Tokens are of all events, the cost of the priced ones alone."""

    events: int = 0
    unpriced: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_pico_usd: int = 0


@dataclass
class PriceSummary:
    """What pricing a file came to; costs in 10^-12 $. `reported_pico_usd` and `compared_pico_usd` are of the same events."""

    file: Path
    format: str
    priced: int = 0
    unpriced: int = 0
    rejected: int = 0
    ignored: int = 0
    cost_pico_usd: int = 0
    reported_events: int = 0
    reported_pico_usd: int = 0
    compared_pico_usd: int = 0
    models: dict[tuple[str | None, str], ModelCost] = field(default_factory=dict)
    unpriced_reasons: Counter[str] = field(default_factory=Counter)
    first_rejects: list[tuple[int, str]] = field(default_factory=list)

    @property
    def events(self) -> int:
        """Rows that are model calls or were meant to be: priced, unpriced and rejected."""
        return self.priced + self.unpriced + self.rejected


def price_file(
    file: Path,
    out: Path | None,
    *,
    format: str | None = None,  # noqa: A002 - the option's name is --format
    columns: str | None = None,
) -> PriceSummary:
    """Price a file by the public catalogue; one row per event into `out` (.csv, .jsonl or .parquet), in the file's order.

    `out` appears whole or not at all. Raises UsageFileRefused when the file cannot be read or `out` cannot be written so.
    """
    _check_out(file, out)
    usage = open_usage(file, format=format, columns=columns)
    summary, book = PriceSummary(file, usage.format), load_catalogue()
    with _written(out) as write, connect() as con:
        for batch in read_batches(usage):
            priced = _with_entry_names(price_events(con, batch.events, book), book)
            _count(summary, batch, priced)
            if out is not None:
                write(answers(batch, priced))
    return summary


def answers(batch: UsageBatch, priced: pl.DataFrame) -> pl.DataFrame:
    """A row of ANSWER_SCHEMA for each event and reject of the batch, by line. A reject's reason begins with its line."""
    is_priced = pl.col("cost_pico_usd").is_not_null()
    of_events = priced.select(
        batch.lines.alias("line"),
        "event_id",
        pl.when(is_priced).then(pl.lit("priced")).otherwise(pl.lit("unpriced")).alias("status"),
        usd_text_expression(pl.col("cost_pico_usd")).alias("cost_usd"),
        "price_entry",
        pl.col("unpriced_reason").alias("reason"),
    )
    of_rejects = batch.rejects.select(
        "line",
        "event_id",
        pl.lit("rejected").alias("status"),
        pl.lit(None, pl.String).alias("cost_usd"),
        pl.lit(None, pl.String).alias("price_entry"),
        pl.format("line {}: {}", "line", "reason").alias("reason"),
    )
    return pl.concat([of_events, of_rejects]).sort("line", maintain_order=True).select(list(ANSWER_SCHEMA))


def usd_text_expression(pico: pl.Expr) -> pl.Expr:
    """Pico-USD of 0 or more as exact decimal dollars: 980000000 is 0.00098."""
    digits = (pico % 10**_PICO_DIGITS).cast(pl.String).str.zfill(_PICO_DIGITS)
    return pl.format("{}.{}", pico // 10**_PICO_DIGITS, digits).str.strip_chars_end("0").str.strip_suffix(".")


def _with_entry_names(priced: pl.DataFrame, book: PriceBook) -> pl.DataFrame:
    keys = {entry.price_id: entry.price_key for entry in book.by_id(priced["price_id"].drop_nulls().unique())}
    return priced.with_columns(
        pl.col("price_id").replace_strict(keys, default=None, return_dtype=pl.String).alias("price_entry")
    )


def _count(summary: PriceSummary, batch: UsageBatch, priced: pl.DataFrame) -> None:
    """Add a batch to the summary. Sums are 128 bits wide: 9.2 million dollars do not fit 63 bits of pico-USD."""
    unpriced = int(priced["cost_pico_usd"].null_count())
    summary.priced += priced.height - unpriced
    summary.unpriced += unpriced
    summary.rejected += batch.rejects.height
    summary.ignored += batch.ignored
    cost = pl.col("cost_pico_usd").cast(pl.Int128)
    grouped = priced.group_by("provider", "model", maintain_order=True).agg(
        pl.len(),
        pl.col("cost_pico_usd").null_count().alias("unpriced"),
        pl.sum_horizontal(INPUT_BUCKETS).sum().alias("input"),
        pl.sum_horizontal(OUTPUT_BUCKETS).sum().alias("output"),
        cost.sum().alias("cost"),
    )
    for provider, model, events, without, inputs, outputs, pico in grouped.iter_rows():
        line = summary.models.setdefault((provider, model), ModelCost())
        line.events += events
        line.unpriced += without
        line.input_tokens += inputs
        line.output_tokens += outputs
        line.cost_pico_usd += pico
        summary.cost_pico_usd += pico
    summary.unpriced_reasons.update(priced["unpriced_reason"].drop_nulls().to_list())
    compared = priced.filter(pl.col("reported_cost_pico_usd").is_not_null() & pl.col("cost_pico_usd").is_not_null())
    summary.reported_events += compared.height
    reported, ours = compared.select(pl.col("reported_cost_pico_usd").cast(pl.Int128).sum().alias("r"), cost.sum()).row(
        0
    )
    summary.reported_pico_usd += reported
    summary.compared_pico_usd += ours
    room = _SHOWN_REJECTS - len(summary.first_rejects)
    summary.first_rejects += batch.rejects.select("line", "reason").head(max(room, 0)).rows()


def _check_out(file: Path, out: Path | None) -> None:
    if out is None:
        return
    if out.suffix.lower() not in _WRITTEN:
        raise UsageFileRefused(f"{out} must end in one of {', '.join(_WRITTEN)}, so that it is clear what to write.")
    if not out.parent.is_dir():
        raise UsageFileRefused(f"There is no folder {out.parent} to write {out.name} into: make it first.")
    if out.exists() and file.exists() and out.samefile(file):
        raise UsageFileRefused(f"{out} is the usage file itself: write the prices into another file.")


@contextmanager
def _written(out: Path | None) -> Iterator[Write]:
    """A block that writes tables into a file, which takes its name at the end; nothing of a broken block is left."""
    if out is None:
        yield lambda _: None
        return
    partial = out.with_name(f".{out.name}.partial")
    try:
        with _writer(partial, out.suffix.lower()) as write:
            yield write
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _writer(path: Path, suffix: str) -> Iterator[Write]:
    if suffix == ".parquet":
        empty = pl.DataFrame(schema=ANSWER_SCHEMA).to_arrow()
        with pq.ParquetWriter(path, empty.schema, compression="zstd") as parquet:
            yield lambda table: parquet.write_table(table.to_arrow())
        return
    with path.open("wb") as file:
        if suffix == ".csv":
            file.write((",".join(ANSWER_SCHEMA) + "\n").encode())
            yield lambda table: table.write_csv(file, include_header=False)
        else:
            yield lambda table: table.write_ndjson(file)
