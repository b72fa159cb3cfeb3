"""Explaining fifty alerts of a company of two thousand customers and ten million calls: seconds of one core, and memory."""

import argparse
import json
import os
import platform
import resource
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

from bench.published_company import publish_company
from pipelines.explain_alerts import explain
from pipelines.installation import open_installation
from pricing.finding import Finding, Subject
from store import alert_reads, alert_sources, alerts
from store.alert_reads import StoredAlert
from store.database import Engine, tenant_transaction
from store.settings import load_settings
from store.warehouse_reads import Warehouse, open_current
from tests.alert_fixtures import stored

RESULTS = Path(__file__).parent / "results" / "explained_alerts.json"
ALERTS, DAYS = 50, 5
# Of each scope so many; the rest of the fifty are customers' models.
SCOPES = (("company", 1), ("provider", 4), ("model", 5), ("feature", 4), ("customer", 18))
KEYS = {"company": (), "provider": ("provider",), "model": ("provider", "model"), "feature": ("feature",)}
KEYS |= {"customer": ("customer_id",), "customer_model": ("customer_id", "provider", "model")}


def subjects(view: Warehouse) -> list[Subject]:
    """Those who cost most in the last weeks, of every scope."""
    since = view.as_of.date() - timedelta(days=28)
    found: list[Subject] = []
    for scope, most in (*SCOPES, ("customer_model", ALERTS)):
        keys = KEYS[scope]
        if not keys:
            found.append(Subject(scope="company"))
            continue
        names = ", ".join(keys)
        rows = view.rows(
            f"""select {names} from usage_cube where day >= ? and events > 0 and cost_pico_usd is not null
                and {" and ".join(f"{key} is not null" for key in keys)} group by {names} order by sum(cost_pico_usd) desc limit ?""",
            [since, most],
        )
        found += [Subject(scope=scope, **row) for row in rows.iter_rows(named=True)]
    return found[:ALERTS]


def alert_of(engine: Engine, tenant_id: UUID, view: Warehouse, subject: Subject, last: date) -> StoredAlert:
    """An alert over the last five days with usage, of which two thirds were expected."""
    days = dict(list(alert_sources.daily(view, subject, last - timedelta(days=28), last).items())[-DAYS:])
    found = [
        Finding(
            detector="cost_spike",
            subject=subject,
            day=day,
            unit="pico_usd",
            actual=each.cost_pico_usd,
            expected=each.cost_pico_usd * 2 // 3,
            impact_minor=each.cost_pico_usd // 3 // 10**10,
            score=2.0,
            sentence="",
        )
        for day, each in days.items()
    ]
    with tenant_transaction(engine, tenant_id) as connection:
        made = stored(connection, tenant_id, found[0], last_day=found[-1].day)
        alerts.put_days(connection, tenant_id, made.alert_id, {each.day: each for each in found}, now=datetime.now(UTC))
    return made


def main(events: int) -> None:
    """Publish the company, explain the alerts, and write the result down."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"METERING_HOME": folder, "METERING_TENANT": "bench"}
        with open_installation(load_settings(), tenant_name="bench") as installation:
            home, engine, tenant_id = installation.home, installation.engine, installation.tenant_id
            publish_company(home, tenant_id, "bench", events)
            view = open_current(home, tenant_id)
            assert view is not None
            (newest,) = view.rows("select max(day) from usage_cube").row(0)
            made = [alert_of(engine, tenant_id, view, each, newest) for each in subjects(view)]
            started, cpu = time.perf_counter(), time.process_time()
            explained = explain(engine, home, tenant_id, view, made)
            measure = {"alerts": explained, "seconds": round(time.perf_counter() - started, 2)}
            measure["cpu_seconds"] = round(time.process_time() - cpu, 2)
            _check(engine, tenant_id, made)
    result = {
        "measured_at": datetime.now(UTC).isoformat(timespec="minutes"),
        "machine": {"cores": os.cpu_count(), "system": platform.system(), "python": platform.python_version()},
        "events": events,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "measures": [measure],
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


def _check(engine: Engine, tenant_id: UUID, made: Sequence[StoredAlert]) -> None:
    """A number is only worth telling of explanations that sum."""
    for alert in made:
        with tenant_transaction(engine, tenant_id) as connection:
            read = alert_reads.one(connection, alert.alert_id)
        assert read is not None
        assert read.explanation is not None
        for name in ("drivers", "customers", "models", "features", "api_keys"):
            assert sum(part["pico_usd"] for part in read.explanation[name]) == read.explanation["impact_pico_usd"]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=10_000_000)
    main(parser.parse_args().events)
