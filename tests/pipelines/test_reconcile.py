"""Reconciliation finds every drift that was put in and nothing else, mends what can be mended, and leaves the rest to a person."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, Engine

from billing import reconciliation
from billing.inbox_rules import read_event
from billing.observers import OBSERVERS, take_in
from billing.principals import Principal
from pipelines.pull_stripe_client import StripeReader, StripeUnreachable
from pipelines.reconcile import RunUnderWay, attend
from pipelines.reconcile_repair import FOR_A_PERSON, repair_all
from store import audit, discrepancies, inbox, reconciliation_runs
from store.database import tenant_transaction
from store.stripe_rows import Raw
from store.turns import RECONCILIATION, alone
from tests.pipelines.reconciled_account import HOUR, Account, Drift, open_account
from tests.sandbox_fixtures import SandboxServer

FAY = Principal("fay", "founder")


@pytest.fixture
def account(engine: Engine, tenant: UUID, mallory: UUID, sandbox_server: SandboxServer) -> Account:
    return open_account(engine, tenant, sandbox_server)


def test_every_drift_of_a_copy_is_found_and_nothing_else_and_a_repair_mends_all(
    account: Account, engine: Engine, tenant: UUID, mallory: UUID
) -> None:
    account.trade(charges=40, buyers=8)
    account.pull()
    mallorys = open_account(engine, mallory, account.server)
    mallorys.pull()
    mallorys.execute("delete from stripe_refunds")  # what an outsider lacks is none of our business

    clean = account.reconcile()
    assert (dict(clean.open), clean.pending, dict(clean.refused)) == ({}, 0, {})
    assert {
        "charge": 40 + 8 + 1,  # and those of the subscriptions and of the invoice
        "refund": 40 // 2 + 1,
        "payout": 1,
    }.items() <= clean.checked.items()

    drift = Drift(account, seed=11)
    drift.change_at_stripe(3)
    drift.lose_rows(6)
    drift.shift_amounts(4)
    drift.change_columns(4)
    drift.mark_deleted(1)
    drift.lose_lines()
    drift.invent_rows(2)
    account.server.advance(seconds=HOUR)
    assert len(drift.injected) >= 100

    account.reconcile()
    found = {(one.object_kind, one.object_id): one.kind for one in account.listed()}
    assert found == drift.injected
    assert {one.rule for one in account.listed()} == {"copy"}
    stale = [one for one in account.listed() if one.kind == "stale"]
    assert all("never came here" in str(one.cause) for one in stale)

    with StripeReader(account.config) as reader:
        mended = repair_all(engine, tenant, reader, principal=FAY, now=account.now)
    assert mended == len(drift.injected)
    assert account.listed() == []
    assert dict(account.reconcile().open) == {}
    with tenant_transaction(engine, tenant) as connection:
        assert audit.verify(connection).intact

    assert mallorys.listed("open", "suspected") == []
    assert mallorys.run() is None
    mallorys.reconcile()
    assert Counter(one.kind for one in mallorys.listed()) == {"missing": 40 // 2 + 1, "stale": 6}


def test_money_that_does_not_add_up_at_stripe_itself_is_found_and_left_to_a_person(
    account: Account, engine: Engine, tenant: UUID
) -> None:
    account.trade(charges=6)
    objects = account.server.state.objects
    charges, refunds, payouts = (list(objects[kind].values()) for kind in ("charge", "refund", "payout"))
    money = objects["balance_transaction"]
    money[charges[0]["balance_transaction"]]["fee"] += 5
    charges[1]["amount_refunded"] += 100
    del money[refunds[0]["balance_transaction"]]
    payouts[0]["amount"] += 50
    account.pull()

    account.reconcile()
    found = {(one.rule, one.object_id): one.amount_minor for one in account.listed()}
    assert found == {
        ("transaction_net", charges[0]["balance_transaction"]): 5,
        ("transaction_fee", charges[0]["balance_transaction"]): 5,
        ("charge_refunded", charges[1]["id"]): 100,
        ("refund_booked", refunds[0]["id"]): -refunds[0]["amount"],
        ("payout_booked", payouts[0]["id"]): -50,
        ("payout_sum", payouts[0]["id"]): 50 - refunds[0]["amount"],
    }

    with StripeReader(account.config) as reader:
        assert repair_all(engine, tenant, reader, principal=FAY, now=account.now) == 0
    assert {one.repair_trouble for one in account.listed()} == {FOR_A_PERSON}
    fee = next(one for one in account.listed() if one.rule == "transaction_net")
    with tenant_transaction(engine, tenant) as connection:
        with pytest.raises(reconciliation.ReasonMissing):
            reconciliation.ignore(connection, fee.discrepancy_id, principal=FAY, reason=" ", now=account.now)
        reconciliation.ignore(connection, fee.discrepancy_id, principal=FAY, reason="agreed", now=account.now)
    account.reconcile()
    assert [one.ignore_reason for one in account.listed("ignored")] == ["agreed"]
    money[charges[0]["balance_transaction"]]["fee"] += 1
    with StripeReader(account.config) as reader:
        again = next(one for one in account.listed() if one.rule == "transaction_fee")
        assert again.sentence.endswith("its fee is 1.80 USD.")
        repair_all(engine, tenant, reader, principal=FAY, now=account.now)
    account.reconcile()
    assert account.listed("ignored") == []  # it is not the same any more, so it is shown again


def test_what_changed_a_moment_ago_is_not_called_a_discrepancy(account: Account) -> None:
    account.trade(charges=6)
    account.pull()
    charge = next(iter(account.server.state.objects["charge"]))
    account.sdk.v1.charges.update(charge, {"metadata": {"note": "just now"}})
    account.sdk.v1.customers.create({"name": "Brand new"})

    report = account.reconcile()
    assert (dict(report.open), report.pending) == ({}, 1)  # the new customer lies behind the cut

    account.server.advance(seconds=HOUR)
    account.reconcile()
    assert {(one.kind, one.object_kind) for one in account.listed()} == {("stale", "charge"), ("missing", "customer")}
    account.pull()
    report = account.reconcile()
    assert (dict(report.open), report.gone) == ({}, 2)


def test_a_dead_letter_is_named_as_the_cause(account: Account, engine: Engine, tenant: UUID) -> None:
    account.trade(charges=6)
    account.pull()
    customer = next(iter(account.server.state.objects["customer"]))
    account.sdk.v1.customers.update(customer, {"name": "Renamed"})
    event = account.sdk.v1.events.list({"limit": 1}).data[0]
    with tenant_transaction(engine, tenant) as connection:
        told = read_event(str(event).encode())
        inbox.add(connection, tenant, [told], source="webhook", endpoint="main", now=account.now)
        (held,) = inbox.claim(connection, now=account.now, lease=timedelta(minutes=1), limit=1)
        inbox.record_error(connection, held, "KeyError", state="dead", next_attempt_at=account.now)
    account.server.advance(seconds=HOUR)
    account.reconcile()
    (found,) = account.listed()
    assert found.kind == "stale"
    assert found.cause is not None
    assert found.cause.startswith(f"The event customer.updated ({event.id})")
    assert found.cause.endswith("could not be handled: it is a dead letter.")


def test_a_run_that_was_stopped_goes_on_where_it_was(account: Account, engine: Engine, tenant: UUID) -> None:
    account.trade(charges=6)
    account.pull()
    account.execute("delete from stripe_customers where name = 'Customer 1'")
    account.server.fail_next("server_error", path="/v1/refunds", times=20)
    with pytest.raises(StripeUnreachable):
        account.reconcile()
    stopped = account.run()
    assert stopped is not None
    assert stopped.state == "running"
    assert account.listed() == []  # a suspicion is not shown before it was looked at twice

    with StripeReader(account.config) as reader:
        assert attend(engine, tenant, reader, now=account.now) == 0  # Stripe is not asked again every two seconds
    account.server.control("/faults", method="DELETE")
    asked = account.server.record()
    account.reconcile()
    assert "/v1/customers" not in {one.path for one in asked}
    finished = account.run()
    assert finished is not None
    assert (finished.run_id, finished.state, finished.trouble) == (stopped.run_id, "finished", None)
    assert [(one.kind, one.object_kind) for one in account.listed()] == [("missing", "customer")]

    with tenant_transaction(engine, tenant) as connection:
        reconciliation.ask_for_repair(connection, principal=FAY, now=account.now, kind="missing")
        reconciliation.ask_for_run(connection, tenant, principal=FAY, now=account.now)
        reconciliation.ask_for_run(connection, tenant, principal=FAY, now=account.now)  # an impatient hand
    with StripeReader(account.config) as reader:
        assert attend(engine, tenant, reader, now=account.now) == 2
        assert attend(engine, tenant, reader, now=account.now) == 0
    with tenant_transaction(engine, tenant) as connection:
        (mended,) = discrepancies.listed(connection, states=("repaired",))
        latest = reconciliation_runs.newest(connection)
        assert reconciliation_runs.last_complete(connection) == latest
    assert (mended.ended_by, mended.object_kind) == ("fay (founder)", "customer")
    assert latest is not None
    assert (latest.state, latest.started_by) == ("finished", "fay (founder)")


def test_a_run_that_stripe_stopped_is_given_up_when_somebody_asks_again(
    account: Account, engine: Engine, tenant: UUID
) -> None:
    account.server.fail_next("server_error", path="/v1/refunds", times=20)
    with pytest.raises(StripeUnreachable):
        account.reconcile()
    with tenant_transaction(engine, tenant) as connection:
        asked = reconciliation.ask_for_run(connection, tenant, principal=FAY, now=account.now)
        assert asked.state == "wanted"
        assert reconciliation_runs.last_complete(connection) is None  # nobody may say that everything adds up


def test_a_sum_whose_news_is_on_its_way_is_not_called_wrong(account: Account) -> None:
    """A refund whose webhook came, while that of its charge and the movement of the balance have not."""
    account.trade(charges=6)
    account.pull()
    charge = next(one["id"] for one in account.server.state.objects["charge"].values() if not one["disputed"])
    refund = account.sdk.v1.refunds.create({"charge": charge, "amount": 300})
    with tenant_transaction(account.engine, account.tenant) as connection:
        take_in(connection, account.tenant, [refund.to_dict()], account.now)

    assert dict(account.reconcile().open) == {}
    account.server.advance(seconds=HOUR)
    account.pull()
    assert dict(account.reconcile().open) == {}


def test_an_object_that_cannot_be_taken_in_keeps_no_other_from_being_repaired(
    account: Account, engine: Engine, tenant: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.trade(charges=6)
    account.pull()
    account.execute("delete from stripe_refunds")
    account.reconcile()
    poison = account.listed()[0].object_id

    def fail_on_one(_connection: Connection, _tenant_id: UUID, objects: Sequence[Raw], _now: datetime) -> None:
        if poison in {raw["id"] for raw in objects}:
            raise KeyError("reason")

    monkeypatch.setitem(OBSERVERS, "refund", (fail_on_one,))
    with StripeReader(account.config) as reader:
        assert repair_all(engine, tenant, reader, principal=FAY, now=account.now) == 6 // 2 + 1 - 1
    (left,) = account.listed()
    assert (left.object_id, left.state) == (poison, "open")
    assert str(left.repair_trouble).startswith("Read again, and taking it in failed: ")


def test_only_one_run_of_a_tenant_at_a_time(account: Account, engine: Engine, tenant: UUID, mallory: UUID) -> None:
    with alone(engine, tenant, RECONCILIATION) as is_alone:
        assert is_alone
        with pytest.raises(RunUnderWay, match="under way already"):
            account.reconcile()
        with alone(engine, mallory, RECONCILIATION) as is_mallory_alone:
            assert is_mallory_alone
    assert dict(account.reconcile().open) == {}


@pytest.mark.slow
def test_the_demo_company_with_all_its_trouble_is_clean(
    engine: Engine, tenant: UUID, demo_company_server: SandboxServer
) -> None:
    """Several currencies, payments that failed, disputes in every state, refunds that came back, a payout each week."""
    account = open_account(engine, tenant, demo_company_server)
    account.pull()
    report = account.reconcile()
    assert ([one.sentence for one in account.listed()], report.pending) == ([], 0)
    assert report.checked["payout"] > 50
    assert report.checked["money of charges"] == report.checked["charge"] > 500
