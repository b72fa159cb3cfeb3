"""The demo company's usage as a file in the documented event schema."""

from pathlib import Path

from sandbox.company.build import Company


def write_usage(company: Company, path: str | Path) -> int:
    """Write all usage events as Parquet; the number of events. The same company writes the same bytes."""
    company.usage.write_parquet(Path(path), compression="zstd", compression_level=3, statistics=True)
    return company.usage.height
