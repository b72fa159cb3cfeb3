"""The AI cost burned while an invoice is unpaid: by day, from the failure to its end, and per day over the last week."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import duckdb

from store.recovery_reads import Failure, UsageCost, usage_costs
from store.warehouse_reads import Warehouse

FAILED_AT = datetime(2026, 11, 10, 18, tzinfo=UTC)
UNPAID = Failure(UUID(int=1), "cus_1", "usd", 4_900, "scheduled", FAILED_AT, None, None, None, 1)


def test_usage_counts_from_the_day_of_the_failure_to_its_end() -> None:
    con = duckdb.connect()
    con.execute(
        """create table usage_cube as select * from (values
            (date '2026-11-09', 'cus_1', 1, 1000::hugeint),
            (date '2026-11-10', 'cus_1', 1, 20::hugeint),
            (date '2026-11-12', 'cus_1', 3, null),
            (date '2026-11-20', 'cus_1', 1, 700::hugeint),
            (date '2026-11-20', 'mallory', 1, 5::hugeint)) as rows (day, customer_id, events, cost_pico_usd)"""
    )
    warehouse = Warehouse(con, Path(), 1, "", "", "usd", FAILED_AT, FAILED_AT, None)
    ended = replace(UNPAID, case_id=UUID(int=2), ended_at=datetime(2026, 11, 15, tzinfo=UTC))
    nobody = replace(UNPAID, case_id=UUID(int=3), customer_id=None)
    per_day = 700 // 7  # the last known day is 20 November, so the week begins on the 14th
    assert usage_costs(warehouse, [UNPAID, ended, nobody]) == {
        UUID(int=1): UsageCost(20 + 700, per_day, 3),
        UUID(int=2): UsageCost(20, per_day, 3),
    }
    assert usage_costs(warehouse, [nobody]) == {}
    con.close()
