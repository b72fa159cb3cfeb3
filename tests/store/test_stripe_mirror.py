"""The mirror holds what Stripe said last, however answers arrive, and shows it to its own tenant alone."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select

from store import stripe_mirror
from store.database import tenant_transaction
from store.schema import metadata
from store.stripe_rows import UnknownStripeObject

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


def customer(id_: str, **given: Any) -> dict[str, Any]:
    return {"id": id_, "object": "customer", "created": 1_767_225_600, "name": "Ada", "metadata": {}} | given


def line(id_: str, invoice_id: str, amount: int = 100) -> dict[str, Any]:
    return {"id": id_, "object": "line_item", "invoice": invoice_id, "amount": amount, "currency": "usd"}


def invoice(id_: str, *lines: dict[str, Any], has_more: bool = False, **given: Any) -> dict[str, Any]:
    embedded = {"object": "list", "data": list(lines), "has_more": has_more}
    return {"id": id_, "object": "invoice", "currency": "usd", "lines": embedded} | given


def write(engine: Engine, tenant: UUID, *objects: dict[str, Any], at: datetime = NOON) -> int:
    with tenant_transaction(engine, tenant) as connection:
        return stripe_mirror.upsert(connection, tenant, objects, at)


def read(engine: Engine, tenant: UUID, table: str) -> dict[str, Any]:
    with tenant_transaction(engine, tenant) as connection:
        return {row.id: row for row in connection.execute(select(metadata.tables[table]))}


def test_an_object_is_kept_in_columns_and_as_it_came(engine: Engine, tenant: UUID) -> None:
    raw = customer("cus_1", email=None, address={"country": "DE"}, balance=-250, discount=None, ratio=1.08137)
    assert write(engine, tenant, raw) == 1
    kept = read(engine, tenant, "stripe_customers")["cus_1"]
    assert (kept.name, kept.email, kept.country) == ("Ada", None, "DE")
    assert kept.raw == raw
    assert kept.created_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert (kept.synced_at, kept.is_deleted) == (NOON, False)


def test_a_late_answer_does_not_undo_a_newer_one(engine: Engine, tenant: UUID) -> None:
    write(engine, tenant, customer("cus_1", name="Ada Lovelace"), at=LATER)
    write(engine, tenant, customer("cus_1", name="Ada Byron"), at=NOON)
    assert read(engine, tenant, "stripe_customers")["cus_1"].name == "Ada Lovelace"
    write(engine, tenant, customer("cus_1", name="Ada King"), at=LATER)  # of two equally new ones the last counts
    assert read(engine, tenant, "stripe_customers")["cus_1"].name == "Ada King"


def test_the_same_object_twice_in_one_call_counts_once(engine: Engine, tenant: UUID) -> None:
    assert write(engine, tenant, customer("cus_1", name="Old"), customer("cus_1", name="New")) == 1
    assert read(engine, tenant, "stripe_customers")["cus_1"].name == "New"


def test_a_deleted_object_keeps_what_was_known_of_it(engine: Engine, tenant: UUID) -> None:
    """Its invoices still carry its name on the pages."""
    write(engine, tenant, customer("cus_1"))
    write(engine, tenant, {"id": "cus_1", "object": "customer", "deleted": True}, at=LATER)
    kept = read(engine, tenant, "stripe_customers")["cus_1"]
    assert (kept.name, kept.is_deleted) == ("Ada", True)
    write(engine, tenant, customer("cus_1"), at=NOON)  # a list read before the deletion
    assert read(engine, tenant, "stripe_customers")["cus_1"].is_deleted


def test_an_object_that_is_known_only_as_deleted_is_remembered_by_its_id(engine: Engine, tenant: UUID) -> None:
    write(engine, tenant, {"id": "cus_9", "object": "customer", "deleted": True})
    kept = read(engine, tenant, "stripe_customers")["cus_9"]
    assert (kept.name, kept.is_deleted) == (None, True)


def test_lines_beyond_the_embedded_ones_come_beside_their_invoice(engine: Engine, tenant: UUID) -> None:
    write(engine, tenant, invoice("in_1", line("il_1", "in_1"), has_more=True), line("il_2", "in_1", 250))
    lines = read(engine, tenant, "stripe_invoice_lines")
    assert {id_: row.amount_minor for id_, row in lines.items()} == {"il_1": 100, "il_2": 250}


def test_a_line_that_left_its_invoice_is_marked_as_deleted(engine: Engine, tenant: UUID) -> None:
    write(
        engine,
        tenant,
        invoice("in_1", line("il_1", "in_1"), line("il_2", "in_1")),
        invoice("in_2", line("il_3", "in_2")),
    )
    write(engine, tenant, invoice("in_1", line("il_2", "in_1")), at=LATER)
    lines = read(engine, tenant, "stripe_invoice_lines")
    assert {id_: row.is_deleted for id_, row in lines.items()} == {"il_1": True, "il_2": False, "il_3": False}


def test_an_invoice_whose_lines_did_not_all_come_along_loses_none(engine: Engine, tenant: UUID) -> None:
    write(engine, tenant, invoice("in_1", line("il_1", "in_1"), line("il_2", "in_1")))
    write(engine, tenant, invoice("in_1", line("il_1", "in_1"), has_more=True), at=LATER)
    assert not read(engine, tenant, "stripe_invoice_lines")["il_2"].is_deleted


def test_a_late_answer_brings_no_lines_back(engine: Engine, tenant: UUID) -> None:
    """The draft had a line that was removed before the newer answer; the older answer still has it, embedded or beside."""
    write(engine, tenant, invoice("in_1", line("il_2", "in_1")), at=LATER)
    write(engine, tenant, invoice("in_1", line("il_1", "in_1"), has_more=True), line("il_0", "in_1"), at=NOON)
    assert set(read(engine, tenant, "stripe_invoice_lines")) == {"il_2"}


def test_a_part_can_come_alone_after_its_whole(engine: Engine, tenant: UUID) -> None:
    write(engine, tenant, invoice("in_1"))
    write(engine, tenant, line("il_7", "in_1"), at=LATER)
    assert set(read(engine, tenant, "stripe_invoice_lines")) == {"il_7"}


def test_a_character_that_postgres_cannot_keep_is_replaced(engine: Engine, tenant: UUID) -> None:
    write(engine, tenant, customer("cus_1", name="A\x00da", metadata={"note": "typed: \\u0000", "k\x00": ["\x00"]}))
    kept = read(engine, tenant, "stripe_customers")["cus_1"]
    assert kept.name == "A\ufffdda"
    assert kept.metadata == {"note": "typed: \\u0000", "k\ufffd": ["\ufffd"]}


def test_a_kind_that_is_not_mirrored_is_refused_with_the_whole_call(engine: Engine, tenant: UUID) -> None:
    with pytest.raises(UnknownStripeObject, match="topup"):
        write(engine, tenant, customer("cus_1"), {"id": "tu_1", "object": "topup"})
    assert read(engine, tenant, "stripe_customers") == {}


def test_mallory_sees_and_touches_nothing(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    """The same ids at two tenants are two rows: Stripe's ids are unique in one account, and two tenants may share one."""
    write(engine, tenant, customer("cus_1"), invoice("in_1", line("il_1", "in_1")))
    for table in ("stripe_customers", "stripe_invoices", "stripe_invoice_lines"):
        assert read(engine, mallory, table) == {}
    write(engine, mallory, customer("cus_1", name="Mallory"), at=LATER)
    assert read(engine, tenant, "stripe_customers")["cus_1"].name == "Ada"


def test_a_thousand_objects_are_one_statement(engine: Engine, tenant: UUID) -> None:
    assert write(engine, tenant, *(customer(f"cus_{number}") for number in range(1_000))) == 1_000
    with tenant_transaction(engine, tenant) as connection:
        assert stripe_mirror.row_count(connection, "customer") == 1_000
        assert stripe_mirror.newest_created(connection, "customer") == datetime(2026, 1, 1, tzinfo=UTC)
