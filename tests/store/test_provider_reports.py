"""Reports by providers are restated and never overwritten; a cursor moves with the rows it speaks of; strangers see nothing."""

from datetime import UTC, date, datetime
from uuid import UUID

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from store import provider_reports, usage_connections
from store.database import tenant_transaction
from store.provider_reports import Change, Days
from store.schema import audit_log, provider_costs
from store.usage_connections import CountsAs, NoSuchConnection
from tests.store.provider_report_rows import FIRST, SECOND, THIRD, cost, cost_frame, usage_frame, used

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
EVENING = datetime(2026, 11, 3, 18, tzinfo=UTC)
BOTH_DAYS = Days(FIRST, THIRD)


def connected(engine: Engine, tenant: UUID, counts_as: CountsAs = CountsAs.BILL) -> UUID:
    with tenant_transaction(engine, tenant) as connection:
        return usage_connections.connect(
            connection, "openai", "main", counts_as, principal="ada", now=NOON
        ).connection_id


def billed(engine: Engine, tenant: UUID, source: UUID, *lines: dict[str, object], now: datetime = NOON) -> Change:
    with tenant_transaction(engine, tenant) as connection:
        return provider_reports.replace_costs(connection, source, "costs", BOTH_DAYS, cost_frame(*lines), now=now)


def costs_of(engine: Engine, tenant: UUID) -> list[tuple[object, ...]]:
    with tenant_transaction(engine, tenant) as connection:
        return provider_reports.read_costs(connection).select("day", "line_item", "cost_pico_usd").rows()


def test_a_day_told_differently_supersedes_only_the_lines_that_differ(engine: Engine, tenant: UUID) -> None:
    source = connected(engine, tenant)
    assert billed(engine, tenant, source, cost(FIRST, "input", 500), cost(SECOND, "input", 700)) == Change(new=2)
    later = billed(engine, tenant, source, cost(FIRST, "input", 500), cost(SECOND, "input", 900), now=EVENING)
    assert later == Change(restated=1, same=1)
    assert costs_of(engine, tenant) == [(FIRST, "input", 500), (SECOND, "input", 900)]
    table = provider_costs.c
    with tenant_transaction(engine, tenant) as connection:
        kept = connection.execute(
            select(table.cost_pico_usd, table.recorded_at, table.superseded_at).order_by(table.row_id)
        ).all()
    assert [tuple(row) for row in kept] == [(500, NOON, None), (700, NOON, EVENING), (900, EVENING, None)]


def test_a_line_that_is_told_no_more_counts_no_more_and_other_days_stay(engine: Engine, tenant: UUID) -> None:
    source = connected(engine, tenant)
    billed(engine, tenant, source, cost(FIRST, "input", 500), cost(SECOND, "input", 700))
    with tenant_transaction(engine, tenant) as connection:
        only_second = Days(SECOND, THIRD)
        change = provider_reports.replace_costs(connection, source, "costs", only_second, cost_frame(), now=EVENING)
    assert change == Change(withdrawn=1)
    assert costs_of(engine, tenant) == [(FIRST, "input", 500)]


def test_what_a_report_splits_further_than_we_do_is_added_up(engine: Engine, tenant: UUID) -> None:
    """Two users' lines of one model are one line of 3 + 4 = 7 tokens; reasoning, which neither tells, stays unknown."""
    source = connected(engine, tenant)
    lines = usage_frame(used(FIRST, "gpt-5", output_text_tokens=3), used(FIRST, "gpt-5", output_text_tokens=4))
    with tenant_transaction(engine, tenant) as connection:
        provider_reports.replace_usage(connection, source, "completions", BOTH_DAYS, lines, now=NOON)
        found = provider_reports.read_usage(connection)
    assert found.select("model", "output_text_tokens", "reasoning_tokens").rows() == [("gpt-5", 7, None)]
    assert found.select("kind", "counts_as", "stream").rows() == [("openai", "bill", "completions")]


def test_a_report_may_not_tell_of_days_it_was_not_asked_for(engine: Engine, tenant: UUID) -> None:
    source = connected(engine, tenant)
    with pytest.raises(ValueError, match="tells of 2026-11-03"):
        billed(engine, tenant, source, cost(THIRD, "input", 1))


def test_rows_and_cursor_are_one_commit(engine: Engine, tenant: UUID) -> None:
    source = connected(engine, tenant)

    def killed_before_the_commit() -> None:
        with tenant_transaction(engine, tenant) as connection:
            usage_connections.move_cursor(connection, source, "costs", NOON)
            lines = cost_frame(cost(FIRST, "input", 1))
            provider_reports.replace_costs(connection, source, "costs", BOTH_DAYS, lines, now=NOON)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        killed_before_the_commit()
    with tenant_transaction(engine, tenant) as connection:
        assert provider_reports.read_costs(connection).is_empty()
        assert usage_connections.one(connection, "openai", "main").cursors == {}


def test_a_cursor_never_goes_back(engine: Engine, tenant: UUID) -> None:
    source = connected(engine, tenant)
    with tenant_transaction(engine, tenant) as connection:
        for moment in (NOON, EVENING, NOON):
            usage_connections.move_cursor(connection, source, "costs", moment)
        assert usage_connections.one(connection, "openai", "main").cursors == {"costs": EVENING}


def test_a_disconnected_source_counts_no_more_and_comes_back_with_what_it_has_read(
    engine: Engine, tenant: UUID
) -> None:
    source = connected(engine, tenant)
    billed(engine, tenant, source, cost(FIRST, "input", 500))
    with tenant_transaction(engine, tenant) as connection:
        usage_connections.disconnect(connection, "openai", "main", principal="ada", now=EVENING)
    assert costs_of(engine, tenant) == []
    with tenant_transaction(engine, tenant) as connection, pytest.raises(NoSuchConnection, match="openai"):
        usage_connections.disconnect(connection, "openai", "main", principal="ada", now=EVENING)
    assert connected(engine, tenant) == source
    assert costs_of(engine, tenant) == [(FIRST, "input", 500)]


def test_what_a_report_counts_as_is_a_deed_in_the_audit_log(engine: Engine, tenant: UUID) -> None:
    source = connected(engine, tenant)
    assert connected(engine, tenant) == source  # again: nothing changes, nothing is logged
    assert connected(engine, tenant, CountsAs.USAGE) == source
    with tenant_transaction(engine, tenant) as connection:
        deeds = connection.execute(select(audit_log.c.action, audit_log.c.after).order_by(audit_log.c.seq)).all()
    assert [tuple(deed) for deed in deeds] == [
        ("usage_connection:connect", {"counts_as": "bill"}),
        ("usage_connection:connect", {"counts_as": "usage"}),
    ]


def test_another_tenant_sees_none_of_it(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    source = connected(engine, tenant)
    billed(engine, tenant, source, cost(FIRST, "input", 500))
    assert costs_of(engine, mallory) == []
    with tenant_transaction(engine, mallory) as connection:
        assert usage_connections.read(connection) == []
        assert provider_reports.read_usage(connection).is_empty()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    reports=st.lists(
        st.dictionaries(
            st.tuples(st.sampled_from([FIRST, SECOND]), st.sampled_from(["input", "output", "search"])),
            st.integers(-(10**15), 10**15),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_after_any_reports_the_last_one_is_in_force(
    engine: Engine, tenant: UUID, reports: list[dict[tuple[date, str], int]]
) -> None:
    source = connected(engine, tenant)
    for report in reports:
        billed(engine, tenant, source, *(cost(day, item, pico) for (day, item), pico in report.items()))
    told = sorted((day, item, pico) for (day, item), pico in reports[-1].items())
    assert sorted(costs_of(engine, tenant), key=str) == sorted(told, key=str)
    with tenant_transaction(engine, tenant) as connection:
        total = provider_reports.read_costs(connection)["cost_pico_usd"].cast(pl.Int128).sum()
    assert total == sum(reports[-1].values())
