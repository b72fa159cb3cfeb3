"""The synthetic company as a published warehouse, for the tests that look at pages."""

from pathlib import Path
from uuid import UUID

from pricing.money import NANO
from store.warehouse import Publication
from tests.dashboard.synthetic_company import AS_OF, MONTHS, Company, make_company
from tests.dashboard.synthetic_metrics import metric_tables
from tests.store.warehouse_rows import publish_tables

TENANT_ID = UUID("11111111-1111-1111-1111-111111111111")
SLUG = "demo"


def publish_company(
    home: Path, company: Company | None = None, *, version: int = 3, source_invoices: int | None = None
) -> Publication:
    """Publish the company's rows below `home`; `source_invoices` is what the source claims where it shall differ."""
    made = company or make_company()
    rows = dict(made.tables) | metric_tables(made)
    rows["usd_rates"] = [{"month": month, "rate_nano": NANO} for month in MONTHS]
    return publish_tables(
        home, rows, tenant_id=TENANT_ID, slug=SLUG, version=version, now=AS_OF, source_invoices=source_invoices
    )
