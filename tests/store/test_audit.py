"""The audit log only grows, has no gaps, and shows whoever changed it behind its back."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import Engine, select, text
from sqlalchemy.exc import DBAPIError

from store import audit
from store.database import DatabaseUrls, tenant_transaction
from store.schema import audit_log

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


def write_lines(engine: Engine, tenant: UUID, how_many: int) -> audit.AuditHead:
    head = audit.AuditHead(0, audit.BEGINNING)
    for number in range(1, how_many + 1):
        with tenant_transaction(engine, tenant) as connection:
            head = audit.append(
                connection,
                at=AT,
                principal="maria",
                action="note:write",
                subject=f"note {number}",
                after={"number": number},
            )
    return head


def verdict_of(engine: Engine, tenant: UUID, anchor: audit.AuditHead | None = None) -> audit.AuditVerdict:
    with tenant_transaction(engine, tenant) as connection:
        return audit.verify(connection, anchor=anchor)


def tamper(superuser_url: str, *statements: str) -> None:
    """What only a superuser can do: switch the trigger off and change the past."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute("set search_path = metering")
        connection.execute("set session_replication_role = replica")
        for statement in statements:
            connection.execute(statement)


def test_an_empty_log_and_a_log_of_five_lines_are_whole(engine: Engine, tenant: UUID) -> None:
    assert verdict_of(engine, tenant).intact
    head = write_lines(engine, tenant, 5)
    verdict = verdict_of(engine, tenant, anchor=head)
    assert (verdict.intact, verdict.rows, verdict.head) == (True, 5, head)


def test_the_first_line_is_sealed_as_the_documentation_says(engine: Engine, tenant: UUID) -> None:
    """SHA-256 over 32 zero bytes and the line with sorted keys, no spaces, time in UTC with microseconds."""
    with tenant_transaction(engine, tenant) as connection:
        head = audit.append(
            connection, at=AT, principal="maria", action="refund:request", subject="re_1", after={"b": 1, "a": "ü"}
        )
    canonical = (
        '{"action":"refund:request","after":{"a":"ü","b":1},"at":"2026-11-24T09:30:00.000000+00:00","before":null,'
        f'"principal":"maria","seq":1,"subject":"re_1","tenant_id":"{tenant}"}}'
    )
    assert head.hash == hashlib.sha256(bytes(32) + canonical.encode()).digest()


def test_every_kind_of_value_survives_the_way_through_postgres(engine: Engine, tenant: UUID) -> None:
    after = {
        "amount": Decimal("1.10"), "when": AT.astimezone(timezone(timedelta(hours=2))), "day": AT.date(), "who": tenant,
        "big": 10**30, "none": None, "yes": True, "nested": {"list": [1, "two", {"three": 3}]}, "text": 'a "quote" \\ \n',
    }  # fmt: skip
    with tenant_transaction(engine, tenant) as connection:
        audit.append(connection, at=AT, principal="maria", action="a:b", subject="c", before={}, after=after)
    assert verdict_of(engine, tenant).intact
    with tenant_transaction(engine, tenant) as connection:
        kept = connection.execute(select(audit_log.c.after)).scalar_one()
    assert (kept["amount"], kept["when"], kept["big"]) == ("1.10", "2026-11-24T09:30:00+00:00", 10**30)


def test_a_float_is_refused_because_it_would_not_come_back_exactly(engine: Engine, tenant: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection, pytest.raises(TypeError, match="float"):
        audit.append(connection, at=AT, principal="maria", action="a:b", subject="c", after={"amount": 0.1})


def test_without_a_tenant_nothing_is_written(engine: Engine) -> None:
    with engine.begin() as connection, pytest.raises(audit.NoTenant):
        audit.append(connection, at=AT, principal="maria", action="a:b", subject="c")


def test_eight_writers_at_once_leave_no_gap_and_no_fork(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    """8 threads x 10 lines for the tenant, and 5 for Mallory beside them: 80 and 5, each chain whole."""

    def write(owner: UUID) -> None:
        for number in range(10 if owner == tenant else 5):
            with tenant_transaction(engine, owner) as connection:
                audit.append(connection, at=AT, principal="maria", action="note:write", subject=str(number))

    with ThreadPoolExecutor(9) as pool:
        list(pool.map(write, [tenant] * 8 + [mallory]))
    assert (verdict_of(engine, tenant).rows, verdict_of(engine, tenant).intact) == (80, True)
    assert (verdict_of(engine, mallory).rows, verdict_of(engine, mallory).intact) == (5, True)


def test_a_deed_that_is_rolled_back_leaves_no_line_and_no_gap(engine: Engine, tenant: UUID) -> None:
    write_lines(engine, tenant, 1)

    def fail_after_the_line() -> None:
        with tenant_transaction(engine, tenant) as connection:
            audit.append(connection, at=AT, principal="maria", action="a:b", subject="c")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_after_the_line()
    write_lines(engine, tenant, 1)
    assert verdict_of(engine, tenant).rows == 2


@pytest.mark.parametrize(
    "change", ["update audit_log set principal = 'x'", "delete from audit_log", "truncate audit_log"]
)
def test_neither_the_application_nor_the_owner_can_change_the_past(
    engine: Engine, database_urls: DatabaseUrls, tenant: UUID, change: str
) -> None:
    write_lines(engine, tenant, 2)
    with pytest.raises(DBAPIError, match="permission denied"), tenant_transaction(engine, tenant) as connection:
        connection.execute(text(change))
    with psycopg.connect(database_urls.owner.replace("+psycopg", "")) as connection:
        connection.execute("select set_config('app.tenant_id', %s, false)", [str(tenant)])
        # The owner may give itself a policy, and still the trigger stands in the way.
        connection.execute("create policy everything on audit_log using (true)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="only grows"):
            connection.execute(change)
        connection.rollback()
    assert verdict_of(engine, tenant).rows == 2


@pytest.mark.parametrize(
    ("statements", "first_bad", "fault"),
    [
        (["update audit_log set after = '{\"number\": 99}' where seq = 3"], 3, "was changed"),
        (["update audit_log set at = at + interval '1 microsecond' where seq = 1"], 1, "was changed"),
        (["update audit_log set hash = sha256('x') where seq = 4"], 4, "was changed"),
        (["delete from audit_log where seq = 2"], 2, "is missing"),
        (["delete from audit_log where seq = 1"], 1, "is missing"),
        (
            ["delete from audit_log where seq = 2", "update audit_log set seq = seq - 1 where seq > 2"],
            2,
            "does not follow",
        ),
        (
            [
                "update audit_log set seq = 1000 where seq = 3",
                "update audit_log set seq = 3 where seq = 4",
                "update audit_log set seq = 4 where seq = 1000",
            ],
            3,
            "does not follow",
        ),
    ],
    ids=[
        "edited",
        "time moved",
        "hash replaced",
        "line deleted",
        "first line deleted",
        "deleted and closed up",
        "reordered",
    ],
)
def test_tampering_shows_and_the_first_bad_line_is_named(
    engine: Engine, superuser_url: str, tenant: UUID, statements: list[str], first_bad: int, fault: str
) -> None:
    write_lines(engine, tenant, 5)
    tamper(superuser_url, *statements)
    verdict = verdict_of(engine, tenant)
    assert (verdict.intact, verdict.first_bad_seq) == (False, first_bad)
    assert f"line {first_bad} {fault}" in verdict.message


def test_a_cut_off_end_shows_against_a_head_noted_earlier(engine: Engine, superuser_url: str, tenant: UUID) -> None:
    noted = write_lines(engine, tenant, 5)
    tamper(superuser_url, "delete from audit_log where seq > 3")
    assert verdict_of(engine, tenant).intact  # a shorter chain fits in itself
    assert verdict_of(engine, tenant, anchor=noted).first_bad_seq == 4
    write_lines(engine, tenant, 2)  # and a new end does not hide it
    assert verdict_of(engine, tenant, anchor=noted).first_bad_seq == 5


def test_mallory_sees_no_line_of_another(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    write_lines(engine, tenant, 3)
    assert verdict_of(engine, mallory).rows == 0
