"""The usage of a version: the lake's cube, what it costs by whose word, and the tables that are made of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import polars as pl

from pipelines.publish_bills import Compared, compare
from pricing.effective_cost import ESTIMATING_SOURCES, Agreements, effective_cost
from pricing.price_book import PriceBook, entries_frame
from pricing.reported_usage import ReportedUsage, days_with_calls, reported_usage
from pricing.usage_reconciliation import Billed
from store import duck, lake, warehouse, warehouse_calls, warehouse_prices, warehouse_reconciliation, warehouse_usage


def load_usage(
    con: warehouse.Building,
    home: Path,
    tenant_id: UUID,
    files: Sequence[lake.LakeFile],
    refs: pl.DataFrame,
    agreed: Agreements,
    book: PriceBook,
    reports: pl.DataFrame,
    bills: Sequence[Billed] = (),
) -> tuple[ReportedUsage, Compared]:
    """Write usage_cube and the months of it. `refs` are (customer_ref, customer_id); LakeDamaged where a file is gone.

    `reports` are lines of usage that count as the usage of record, priced by the `book`; what became of them is returned, and how
    the usage compares with the `bills`, whose difference is written with it.
    """
    paths = _present(home, tenant_id, files)
    estimated = {file.path for file in files if file.source in ESTIMATING_SOURCES}
    # The cube is asked several times, the lake once.
    cube = duck.kept(con, lake.usage_cube(con, home, tenant_id, paths, estimated=estimated), "lake_cube")
    reported = _reported(cube, refs, reports, book)
    if not reported.cube.is_empty():
        cube = duck.kept(con, cube.union(reported.relation(con)), "usage_of_record")
        known = pl.concat([agreed.entries, entries_frame(reported.entries)]).unique("price_id", keep="first")
        agreed = replace(agreed, entries=known)
    costed = effective_cost(con, cube, agreed)
    if bills:
        costed = duck.kept(con, costed, "costed_cube")
    compared = compare(con, costed, bills, book, agreed.entries)
    warehouse_usage.load(con, warehouse_reconciliation.with_differences(con, costed, compared.differences()), refs)
    warehouse_prices.load_use(con)
    warehouse_calls.load_files(con, files)
    return reported, compared


def _reported(cube: Any, refs: pl.DataFrame, reports: pl.DataFrame, book: PriceBook) -> ReportedUsage:
    """The lines of reports as rows of the cube, without those of days that the log has itself."""
    held = (
        set()
        if reports.is_empty()
        else days_with_calls(cube.project("provider, model, day").distinct().fetchall(), book)
    )
    return reported_usage(reports, held, set(refs["customer_ref"]), book)


def _present(home: Path, tenant_id: UUID, files: Sequence[lake.LakeFile]) -> list[str]:
    """The paths of the manifest's files. Raises LakeDamaged where one is gone, since its usage would be missing in every sum."""
    folder = lake.tenant_folder(home, tenant_id)
    lost = [file.path for file in files if not (folder / file.path).is_file()]
    if lost:
        raise lake.LakeDamaged(
            f"{len(lost)} of {len(files)} files that the database names are gone from {folder}, the first is {lost[0]}. "
            "Bring the folder back from a backup; until then the version that was published last is shown."
        )
    return [file.path for file in files]
