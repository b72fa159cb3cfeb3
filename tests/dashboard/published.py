"""The synthetic company as a published warehouse, for the tests that look at pages."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from pricing.money import NANO
from store import warehouse
from store.warehouse import Building, Check, Publication, publishing
from store.warehouse_tables import TABLES
from tests.dashboard.synthetic_company import AS_OF, MONTHS, Company, make_company

TENANT_ID = UUID("11111111-1111-1111-1111-111111111111")
SLUG = "demo"


def publish_company(home: Path, company: Company | None = None, *, version: int = 3, wrong_by: int = 0) -> Publication:
    """Publish the company's rows below `home`; `wrong_by` is how many more invoices the source is made to claim."""
    company = company or make_company()
    rows = {table: [dict(row) for row in company.tables.get(table, [])] for table in TABLES}
    rows["usd_rates"] = [{"month": month, "rate_nano": NANO} for month in MONTHS]
    rows["meta"] = [row | {"version": version} for row in rows["meta"]]

    def fill(con: Building, _: int) -> Sequence[Check]:
        for table in TABLES:
            warehouse.load(con, table, rows[table])
        return [Check("invoices", len(rows["invoices"]) + wrong_by, warehouse.row_counts(con)["invoices"])]

    with publishing(home, TENANT_ID) as folder:
        return warehouse.publish(folder, SLUG, version, fill, now=AS_OF)
