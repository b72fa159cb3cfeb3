"""Usage is attributed by the mapping, then by Stripe's ids, then by metadata; what is not clear is nobody's."""

from datetime import UTC, datetime
from uuid import UUID

import polars as pl
from sqlalchemy import Connection, Engine, select

from store import audit, customer_mappings, stripe_mirror
from store.customer_mappings import REFS_SCHEMA, MirroredCustomer, resolve
from store.database import tenant_transaction
from store.schema import audit_log

NOW = datetime(2026, 11, 25, tzinfo=UTC)


def customer(customer_id: str, *, is_deleted: bool = False, **metadata: str) -> MirroredCustomer:
    return MirroredCustomer(customer_id, metadata, is_deleted)


def save(connection: Connection, mapping: dict[str, str]) -> int:
    return customer_mappings.save(connection, mapping, principal="ada", now=NOW)


def test_a_name_in_metadata_means_its_customer_and_the_id_means_itself() -> None:
    assert resolve({}, [customer("cus_1", account_id="acct_1", userId="77")]) == {
        "cus_1": "cus_1",
        "acct_1": "cus_1",
        "77": "cus_1",
    }


def test_the_mapping_goes_before_metadata_and_metadata_cannot_take_an_id() -> None:
    customers = [customer("cus_1", account_id="acct_1"), customer("cus_2", account_id="cus_1")]
    refs = resolve({"acct_1": "cus_2"}, customers)
    assert refs == {"cus_1": "cus_1", "cus_2": "cus_2", "acct_1": "cus_2"}


def test_an_id_key_goes_before_any_other_key() -> None:
    customers = [customer("cus_1", plan="team"), customer("cus_2", **{"Account-ID": "team"})]
    assert resolve({}, customers)["team"] == "cus_2"


def test_a_name_of_two_customers_is_nobodys() -> None:
    customers = [customer("cus_1", plan="pro"), customer("cus_2", plan="pro")]
    assert "pro" not in resolve({}, customers)


def test_a_customer_made_anew_takes_the_name_of_the_deleted_one_who_keeps_it_alone() -> None:
    old, new = customer("cus_1", is_deleted=True, user_id="77"), customer("cus_2", user_id="77")
    assert resolve({}, [old, new])["77"] == "cus_2"
    assert resolve({}, [old])["77"] == "cus_1"


def test_a_mapping_to_a_customer_nobody_has_pulled_waits_for_them() -> None:
    mapping = {"acct_1": "cus_2"}
    assert "acct_1" not in resolve(mapping, [customer("cus_1", account_id="acct_1")])
    assert resolve(mapping, [customer("cus_1", account_id="acct_1"), customer("cus_2")])["acct_1"] == "cus_2"


def test_a_later_word_repairs_history_for_its_own_tenant_alone(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    raw = {"id": "cus_1", "object": "customer", "created": 1_767_225_600, "metadata": {"account_id": "acct_1"}}
    with tenant_transaction(engine, tenant) as connection:
        assert not customer_mappings.has_customers(connection)
        assert customer_mappings.customer_refs(connection).schema == pl.Schema(REFS_SCHEMA)
        stripe_mirror.upsert(connection, tenant, [raw, raw | {"id": "cus_2", "metadata": {}}], NOW)
        save(connection, {"u-77": "cus_1"})
        save(connection, {"u-77": "cus_2"})
        assert customer_mappings.has_customers(connection)
        assert customer_mappings.customer_refs(connection).rows() == [
            ("acct_1", "cus_1"),
            ("cus_1", "cus_1"),
            ("cus_2", "cus_2"),
            ("u-77", "cus_2"),
        ]
    with tenant_transaction(engine, mallory) as connection:
        assert customer_mappings.customer_refs(connection).is_empty()


def test_what_a_name_newly_means_is_in_the_audit_log_once(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection:
        assert save(connection, {"u-1": "cus_1", "u-2": "cus_2"}) == 2
        assert save(connection, {"u-1": "cus_1", "u-2": "cus_3"}) == 1
        assert save(connection, {"u-1": "cus_1", "u-2": "cus_3"}) == save(connection, {}) == 0
        first, second = connection.execute(select(audit_log).order_by(audit_log.c.seq)).all()
        assert audit.verify(connection).intact
    assert (first.principal, first.action, first.subject) == ("ada", "customer_mapping:record", "2 names")
    assert (second.before, second.after) == ({"u-2": "cus_2"}, {"u-2": "cus_3"})
    with tenant_transaction(engine, mallory) as connection:
        assert connection.execute(select(audit_log)).all() == []
