"""Bills that come as files: Google's export from BigQuery as JSON Lines, and the bills of small providers as CSV."""

import csv
import json
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

from sandbox.providers.account import Accounts
from sandbox.providers.answers import Answer, dollars, start_of

GOOGLE_FILE, CSV_FILE = "google-billing.jsonl", "provider-bills.csv"
# What Google gives back of each month's first line as a promotion.
PROMOTION_PERCENT = 2
CSV_PROVIDERS = ("mistral", "perplexity")
_GOOGLE_UNITS = {"uncached_input": "input", "cache_read": "cached input", "output": "output"}
_CSV_UNITS = {
    "uncached_input": "input_uncached_tokens",
    "cache_read": "cache_read_tokens",
    "output": "output_text_tokens",
    "requests": "requests",
}


def write_bills(accounts: Accounts, folder: Path) -> list[Path]:
    """Write both files into the folder; what they hold is what the providers show at this moment."""
    folder.mkdir(parents=True, exist_ok=True)
    google, small = folder / GOOGLE_FILE, folder / CSV_FILE
    _whole(google, "".join(json.dumps(row) + "\n" for row in google_rows(accounts)))
    unfinished = small.with_name(f"{small.name}.part")
    with unfinished.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("day", "provider", "model", "unit", "quantity", "cost", "currency", "invoice_id"))
        writer.writerows(csv_rows(accounts))
    unfinished.replace(small)
    return [google, small]


def google_rows(accounts: Accounts) -> list[Answer]:
    """Rows of Google's standard usage export: no model, an SKU's description instead; credits apart and negative."""
    rows: list[Answer] = []
    months: set[str] = set()
    for line in _days(accounts, "google"):
        for unit, word in _GOOGLE_UNITS.items():
            if not line[unit]:
                continue
            month = line["day"].strftime("%Y%m")
            cost = line[f"{unit}_pico_usd"]
            gift = 0 if month in months else cost * PROMOTION_PERCENT // 100
            months.add(month)
            rows.append(_google_row(line, word, line[unit], cost, gift))
    return rows


def _google_row(line: Answer, word: str, quantity: int, cost: int, gift: int) -> Answer:
    model = line["model"].replace("-", " ")
    length = "long " if line["length_step"] else "short " if "pro" in model else ""
    tier = " batch" if line["service_tier"] == "batch" else ""
    described = f"Generate content {word} token count {model} {length}{word.rsplit(maxsplit=1)[-1]} text{tier}"
    start = start_of(line["day"])
    credit = {
        "name": "Startup promotion",
        "type": "PROMOTION",
        "id": "startup",
        "full_name": "",
        "amount": -float(dollars(gift)),
    }
    return {
        "billing_account_id": "01A2B3-C4D5E6-F70809",
        "service": {"id": "AEFD-7695-64FA", "description": "Gemini API"},
        "sku": {
            "id": f"{zlib.crc32(described.encode()):08X}"[:4] + "-4E01-9B7C",
            "description": described,
        },
        "usage_start_time": start.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "usage_end_time": (start + timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "project": {"id": "demo-ai", "number": "123456789012", "name": "demo-ai"},
        "labels": [],
        "location": {"location": "global"},
        "cost": float(dollars(cost)),
        "currency": "USD",
        "currency_conversion_rate": 1.0,
        "usage": {
            "amount": float(quantity),
            "unit": "count",
            "amount_in_pricing_units": float(quantity),
            "pricing_unit": "count",
        },
        "credits": [credit] if gift else [],
        "invoice": {"month": line["day"].strftime("%Y%m")},
        "cost_type": "regular",
        "export_time": (start + timedelta(days=1, hours=6)).strftime("%Y-%m-%d %H:%M:%S UTC"),
    }


def csv_rows(accounts: Accounts) -> list[tuple[Any, ...]]:
    """Rows of a bill by day, model and unit, as people type them off an invoice."""
    return [
        (
            line["day"],
            provider,
            line["model"],
            bucket,
            line[unit],
            format(dollars(line[f"{unit}_pico_usd"]), "f"),
            "usd",
            f"{provider}-{line['day']:%Y-%m}",
        )
        for provider in CSV_PROVIDERS
        for line in _days(accounts, provider)
        for unit, bucket in _CSV_UNITS.items()
        if line[unit] and line[f"{unit}_pico_usd"]
    ]


def _days(accounts: Accounts, provider: str) -> list[Answer]:
    """A provider's lines as maps, without those that nobody lists a price for."""
    first, end = accounts.events["occurred_at"].min(), accounts.moment().date() + timedelta(days=1)
    assert first is not None, "a company without calls has no bills"
    lines = accounts.lines(provider, first.date(), end)  # type: ignore[union-attr]  # the column holds moments
    return [line for line in lines.iter_rows(named=True) if line["uncached_input_pico_usd"] is not None]


def _whole(path: Path, text: str) -> None:
    """The file is there whole or not at all."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
