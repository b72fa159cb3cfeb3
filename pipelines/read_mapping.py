"""The mapping file: whose usage it is, as CSV with source_ref and customer_id."""

import csv
from pathlib import Path

from pipelines.read_usage import UsageFileRefused

COLUMNS = ("source_ref", "customer_id")


def read_mapping(path: Path) -> dict[str, str]:
    """Stripe customer by the name that usage gives. Raises UsageFileRefused with the line that cannot be meant so.

    Unlike usage, a mapping is taken whole or not at all: half of one would move cost between customers.
    """
    found: dict[str, tuple[str, int]] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.DictReader(handle)
            if not set(COLUMNS) <= set(reader.fieldnames or ()):
                raise UsageFileRefused(
                    f"{path} must begin with a line that names its columns {' and '.join(COLUMNS)}, with commas between."
                )
            for row in reader:
                ref, customer_id = ((row[name] or "").strip() for name in COLUMNS)
                if not ref or not customer_id:
                    raise UsageFileRefused(f"{path}, line {reader.line_num}: {_empty(ref)} is empty.")
                known, line = found.setdefault(ref, (customer_id, reader.line_num))
                if known != customer_id:
                    raise UsageFileRefused(
                        f"{path}, line {reader.line_num}: {ref} means {customer_id} here and {known} in line {line}. Keep one."
                    )
    except OSError as error:
        raise UsageFileRefused(f"{path} cannot be read: {error.strerror or error}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageFileRefused(f"{path} is no CSV file in UTF-8: {error}.") from error
    return {ref: customer_id for ref, (customer_id, _) in found.items()}


def _empty(ref: str) -> str:
    return COLUMNS[1] if ref else COLUMNS[0]
