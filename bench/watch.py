"""The detectors of levels and rates on ten million events of two thousand customers, under a second of CPU."""

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.published_company import publish_company
from bench.what_if import measured
from pipelines.installation import open_installation
from pipelines.watch import watch
from store.settings import load_settings
from store.warehouse_reads import open_current
from tests.dashboard.synthetic_company import AS_OF

RESULTS = Path(__file__).parent / "results" / "watch.json"
SLUG = "bench"
CPU_TARGET_SECONDS = 1
# What no look at 60 days of customers can do without.
FLOOR = "select customer_id, sum(cost_pico_usd), sum(events) from usage_cube where day >= $1::date - 60 group by customer_id"


def run(events: int, home: Path) -> dict[str, object]:
    """Publish, then look."""
    os.environ |= {"METERING_HOME": str(home), "METERING_TENANT": SLUG}
    with open_installation(load_settings(), tenant_name="Bench") as installation:
        tenant_id = installation.tenant_id
        publication = publish_company(home, tenant_id, SLUG, events)
        assert publication.is_published, publication.message
        view, now = open_current(home, tenant_id), AS_OF.replace(tzinfo=UTC)
        assert view is not None, "it has just been published"
        found = len(watch(installation.engine, home, tenant_id, view, now=now))
        measures = [
            measured("floor: sum of 60 days of the cube by customer", lambda: view.rows(FLOOR, [AS_OF])),
            measured(
                f"all detectors ({found} findings)", lambda: watch(installation.engine, home, tenant_id, view, now=now)
            ),
        ]
    return {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "events": events,
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "load_1_minute": round(os.getloadavg()[0], 1),
            "cube_rows": publication.row_counts["usage_cube"],
        },
        "measures": measures,
    }


def main() -> int:
    """Measure, print the table, keep the result as JSON; exit code 1 when a look takes a second of CPU or more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-watch-") as folder:
        result = run(options.events, Path(folder))
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    measures = result["measures"]
    assert isinstance(measures, list)
    table = Table(title=f"Watch: {result['machine']}")
    for heading in measures[0]:
        table.add_column(heading)
    for measure in measures:
        table.add_row(*(str(value) for value in measure.values()))
    Console().print(table)
    return int(any(measure["cpu_seconds"] >= CPU_TARGET_SECONDS for measure in measures))


if __name__ == "__main__":
    sys.exit(main())
