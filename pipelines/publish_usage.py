"""The usage of a version: the lake's cube, what it costs by whose word, and the tables that are made of it."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import polars as pl

from pricing.effective_cost import ESTIMATING_SOURCES, Agreements, effective_cost
from store import duck, lake, warehouse, warehouse_usage


def load_usage(
    con: warehouse.Building,
    home: Path,
    tenant_id: UUID,
    files: Sequence[lake.LakeFile],
    refs: pl.DataFrame,
    agreed: Agreements,
) -> None:
    """Write usage_cube and the months of it. `refs` are (customer_ref, customer_id); LakeDamaged where a file is gone."""
    paths = _present(home, tenant_id, files)
    estimated = {file.path for file in files if file.source in ESTIMATING_SOURCES}
    # The cube is asked several times, the lake once.
    cube = duck.kept(con, lake.usage_cube(con, home, tenant_id, paths, estimated=estimated), "lake_cube")
    costed = effective_cost(con, cube, agreed)
    warehouse_usage.load(con, costed, refs)


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
