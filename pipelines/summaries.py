"""What came of a command, printed for people: pricing a file, importing usage, refreshing from Stripe."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.import_usage_summary import ImportSummary
from pipelines.price_file import PriceSummary
from pipelines.pull_usage import Pulled
from pipelines.refresh import RefreshOutcome
from pricing.usage_sources.values import usd_text

_MODELS_SHOWN = 20
_REASONS_SHOWN = 10


def print_price_summary(console: Console, summary: PriceSummary, out: Path | None) -> None:
    """Cost by model, the total, and why anything is unpriced or rejected."""
    console.print(_models_table(summary))
    _line(console, f"{summary.file} ({summary.format}): {_count(summary.events, 'event')}")
    _line(console, f"  priced    {summary.priced:,}, together {_dollars(summary.cost_pico_usd)}")
    _line(console, f"  unpriced  {summary.unpriced:,}, in no total")
    for reason, events in summary.unpriced_reasons.most_common(_REASONS_SHOWN):
        _line(console, f"            {_count(events, 'event')}: {reason}")
    _line(console, f"  rejected  {summary.rejected:,}")
    for line, reason in summary.first_rejects:
        _line(console, f"            line {line}: {reason}")
    if summary.rejected > len(summary.first_rejects):
        _line(console, f"            and {summary.rejected - len(summary.first_rejects):,} more")
    if summary.ignored:
        _line(console, f"  ignored   {_count(summary.ignored, 'row')} that are no model calls")
    if summary.reported_events:
        _line(
            console,
            f"The file itself says {_dollars(summary.reported_pico_usd)} for {_count(summary.reported_events, 'event')} that cost"
            f" {_dollars(summary.compared_pico_usd)} here.",
        )
    if out is not None:
        _line(console, f"Wrote {out}, a row per event.")
    elif summary.unpriced or summary.rejected:
        _line(console, "Run it with --out FILE.csv to see every event with its reason.")


def print_import_summary(console: Console, summary: ImportSummary) -> None:
    """What was accepted, was there already, contradicts what is there, or was rejected; and what has no price or customer."""
    for file in summary.files:
        _line(console, f"{file.path}: {_import_counts(file.accepted, file.duplicate, file.conflict, file.rejected)}")
    if len(summary.files) > 1:
        counts = _import_counts(summary.accepted, summary.duplicate, summary.conflict, summary.rejected)
        _line(console, f"Together: {counts}")
    if summary.unpriced:
        _line(console, f"{_count(summary.unpriced, 'accepted event')} without a price: shown as unpriced, in no cost.")
    if summary.unattributed:
        _line(console, f"{_count(summary.unattributed, 'accepted event')} of no known customer: shown as unattributed.")
    for path in summary.reject_paths:
        _line(console, f"Rejected rows with their reasons: {path}")


def print_refresh(console: Console, outcome: RefreshOutcome) -> None:
    """What Stripe brought, what the key may not read, what was published, and what is unusual in it."""
    pulled = outcome.pulled
    rows = sum(pulled.rows.values())
    what = "everything" if pulled.is_backfill else "what changed"
    _line(console, f"Stripe: read {what}, {_count(rows, 'object')}, {_count(pulled.events, 'new event')}.")
    for sentence in pulled.refused.values():
        _line(console, sentence)
    _line(console, outcome.publication.message)
    for sentence in (outcome.alerts.message, *outcome.alerts.troubles.values()):
        _line(console, sentence)


def print_pulled(console: Console, pulled: Sequence[Pulled]) -> None:
    """What each source told that was new, told differently or told no more, and why one could not be read."""
    if not pulled:
        _line(console, "No source of usage is connected: `metering usage connect openai` is one way to begin.")
    for each in pulled:
        if each.calls or each.rejected:
            _line(console, f"{each.connection.source}: {_count(each.calls, 'new call')}, {each.rejected:,} rejected.")
        else:
            change = each.change
            _line(
                console,
                f"{each.connection.source}: {_count(change.new, 'new line')}, {change.restated:,} restated, "
                f"{change.withdrawn:,} withdrawn, {change.same:,} as before.",
            )
        if each.trouble:
            _line(console, each.trouble)


def _models_table(summary: PriceSummary) -> Table:
    table = Table(title=f"AI cost by model, {summary.file.name}", title_justify="left")
    table.add_column("Model", overflow="fold")
    for heading in ("Events", "Input tokens", "Output tokens", "Cost USD"):
        table.add_column(heading, justify="right")
    by_cost = sorted(summary.models.items(), key=lambda item: -item[1].cost_pico_usd)
    for (provider, model), line in by_cost[:_MODELS_SHOWN]:
        cost = usd_text(line.cost_pico_usd)
        if line.unpriced:
            cost = "unpriced" if line.unpriced == line.events else f"{cost} + {line.unpriced:,} unpriced"
        name = f"{provider}/{model}" if provider else model
        table.add_row(name, f"{line.events:,}", f"{line.input_tokens:,}", f"{line.output_tokens:,}", cost)
    rest = by_cost[_MODELS_SHOWN:]
    if rest:
        total = usd_text(sum(line.cost_pico_usd for _, line in rest))
        table.add_row(f"{len(rest)} other models", f"{sum(line.events for _, line in rest):,}", "", "", total)
    return table


def _import_counts(accepted: int, duplicate: int, conflict: int, rejected: int) -> str:
    return f"{accepted:,} accepted, {duplicate:,} duplicate, {conflict:,} in conflict, {rejected:,} rejected"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _dollars(pico: int) -> str:
    return f"${usd_text(pico)}"


def _line(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
