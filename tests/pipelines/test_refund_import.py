"""Refunds asked for in a file: good rows are taken, bad ones are named, and twice is once."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from billing.refund_steps import RefundNotAllowed
from pipelines.refund_commands import import_file
from store import refund_requests
from store.database import tenant_transaction
from tests.pipelines.refund_desk import Desk, open_desk
from tests.sandbox_fixtures import SandboxServer


@pytest.fixture
def desk(engine: Engine, tenant: UUID, sandbox_server: SandboxServer) -> Iterator[Desk]:
    with open_desk(engine, tenant, sandbox_server) as opened:
        yield opened


def test_a_file_of_requests_is_taken_row_by_row_and_once(desk: Desk, tmp_path: Path) -> None:
    charge = desk.charge()
    file = tmp_path / "refunds.csv"
    rows = [
        "external_id,of,amount_minor,currency,reason,note",
        f"t-1,{charge},1000,usd,duplicate,twice",
        f"t-2,{charge},12.50,usd,duplicate,",
        "t-3,ch_unknown,100,usd,duplicate,",
        f"t-4,{charge},2000,usd,because,",
        f",{charge},2000,usd,duplicate,",
        f"t-5,{charge},,,requested_by_customer,all of it",
    ]
    file.write_text("\n".join(rows), encoding="utf-8")
    report = import_file(desk.engine, desk.tenant, file, now=desk.now)
    assert (report.added, report.known) == (2, 0)
    assert [sentence.split(": ")[0] for sentence in report.refused] == ["Line 3", "Line 4", "Line 5", "Line 6"]
    assert "'12.50' is no whole number of minor units." in report.refused[0]
    again = import_file(desk.engine, desk.tenant, file, now=desk.now)
    assert (again.added, again.known) == (0, 2)
    with tenant_transaction(desk.engine, desk.tenant) as connection:
        assert [(one.external_id, one.amount_minor) for one in refund_requests.newest(connection)] == [
            ("t-5", 10_000),
            ("t-1", 1_000),
        ]
    file.write_text("of,amount\n", encoding="utf-8")
    with pytest.raises(RefundNotAllowed, match="has the columns amount, of"):
        import_file(desk.engine, desk.tenant, file, now=desk.now)
