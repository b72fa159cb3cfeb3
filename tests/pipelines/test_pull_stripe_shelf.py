"""A pull against answers that are controlled to the letter: pages, missing permissions, lost cursors, troubled servers."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select

from pipelines import pull_stripe
from pipelines.pull_stripe import StripePullError
from pipelines.pull_stripe_client import StripeKeyRefused, StripeUnreachable
from store import freshness, sync_windows
from store.database import tenant_transaction
from store.freshness import Freshness, Status
from store.schema import metadata
from store.schema import sync_windows as windows_table
from tests.pipelines.stripe_shelf import Answer, Query, Shelf, refusal, serving

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
T0 = 1_790_000_000  # 2026-09-21, some day before noon


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with serving() as opened:
        yield opened


def read(engine: Engine, tenant: UUID, table: str) -> dict[str, Any]:
    with tenant_transaction(engine, tenant) as connection:
        return {row.id: row for row in connection.execute(select(metadata.tables[table]))}


def read_freshness(engine: Engine, tenant: UUID) -> dict[str, Freshness]:
    with tenant_transaction(engine, tenant) as connection:
        return {item.source: item for item in freshness.read(connection)}


def customers(shelf: Shelf, numbers: range, *, apart: int = 3_600) -> None:
    for number in numbers:
        shelf.put("customer", f"cus_{number:04}", T0 + number * apart, name=f"Customer {number}")


def test_every_object_is_read_once_though_the_list_is_cut_into_windows(
    engine: Engine, tenant: UUID, shelf: Shelf
) -> None:
    """950 customers, an hour apart, are ten pages; no page is asked for twice, and empty windows cost one request each."""
    customers(shelf, range(950))
    summary = pull_stripe.backfill(engine, tenant, shelf.config(), now=NOON)
    assert summary.rows["customers"] == 950
    assert len(read(engine, tenant, "stripe_customers")) == 950
    asked = [str(query) for path, query in shelf.requests if path == "/v1/customers"]
    assert len(asked) == len(set(asked))
    assert len(asked) <= 10 + 7  # each window's last page may be short
    with tenant_transaction(engine, tenant) as connection:
        assert sync_windows.unfinished(connection, "stripe") == []
        cut = connection.execute(select(windows_table).where(windows_table.c.stream == "customers")).all()
    assert len(cut) > 1
    ordered = sorted((window.window_start, window.window_end) for window in cut)
    assert ordered[0][0] == sync_windows.BEGINNING
    assert ordered[-1][1] == sync_windows.OPEN_END
    assert all(before[1] == after[0] for before, after in pairwise(ordered))  # no gap, no overlap


def test_objects_of_one_second_are_all_read(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    """An import makes 250 customers in one second: time cannot divide them, the cursor can."""
    customers(shelf, range(250), apart=0)
    pull_stripe.backfill(engine, tenant, shelf.config(), now=NOON)
    assert len(read(engine, tenant, "stripe_customers")) == 250


def test_all_lines_of_a_long_invoice_are_read(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    """230 lines: 10 came inside the invoice, 220 are asked for in three pages (100 + 100 + 20)."""
    lines = [{"id": f"il_{n:03}", "object": "line_item", "invoice": "in_1", "amount": n} for n in range(230)]
    embedded = {"object": "list", "data": lines[:10], "has_more": True}
    shelf.put("invoice", "in_1", T0, lines=embedded, all_lines=lines)
    pull_stripe.backfill(engine, tenant, shelf.config(), now=NOON)
    kept = read(engine, tenant, "stripe_invoice_lines")
    assert sum(row.amount_minor for row in kept.values()) == 229 * 230 // 2
    assert len([path for path, _ in shelf.requests if path.endswith("/lines")]) == 3


def test_an_event_makes_its_object_be_read_again(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    """What counts is the object as Stripe answers now, not the copy inside the event."""
    old = shelf.put("customer", "cus_1", T0, name="Old")
    shelf.happen("evt_1", T0, "customer.created", old)
    assert pull_stripe.sync(engine, tenant, shelf.config(), now=NOON).is_backfill
    shelf.put("customer", "cus_1", T0, name="New")
    shelf.happen("evt_2", T0 + 60, "customer.updated", old)
    summary = pull_stripe.sync(engine, tenant, shelf.config(), now=LATER)
    assert (summary.is_backfill, summary.events, summary.rows["changes"]) == (False, 1, 1)
    assert read(engine, tenant, "stripe_customers")["cus_1"].name == "New"
    assert pull_stripe.sync(engine, tenant, shelf.config(), now=LATER).events == 0


def test_what_happens_during_the_backfill_is_not_lost(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    """The customer changes after its list was read and before the events are: its event must still be followed."""
    old = shelf.put("customer", "cus_1", T0, name="Old")
    shelf.happen("evt_1", T0, "customer.created", old)
    has_changed = False

    def change_after_listing(path: str, query: Query) -> Answer | None:
        nonlocal has_changed
        if path == "/v1/customers" and not has_changed:
            has_changed = True
            answer = shelf.answer(path, query)
            shelf.put("customer", "cus_1", T0, name="New")
            shelf.happen("evt_2", T0 + 60, "customer.updated", old)
            return answer
        return None

    shelf.interfere = change_after_listing
    summary = pull_stripe.sync(engine, tenant, shelf.config(threads=1), now=NOON)
    assert summary.events == 1
    assert read(engine, tenant, "stripe_customers")["cus_1"].name == "New"


def test_duplicated_reordered_and_late_events_change_nothing(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    """Twelve events about three customers, told in any order and once more: three are read again, the rows are the same."""
    subjects = [shelf.put("customer", f"cus_{n}", T0, name="Old") for n in range(3)]
    shelf.happen("evt_first", T0, "customer.created", subjects[0])
    pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    for n in range(3):
        shelf.put("customer", f"cus_{n}", T0, name=f"New {n}")
    for n, second in enumerate((5, 1, 5, 3, 9, 2, 7, 7, 4, 8, 0, 6)):
        shelf.happen(f"evt_{n}", T0 + second, "customer.updated", subjects[n % 3])
    summary = pull_stripe.sync(engine, tenant, shelf.config(), now=LATER)
    assert summary.rows["changes"] == 3
    shelf.happen(
        "evt_late", T0 - 300, "customer.updated", subjects[1]
    )  # appears late, created before the last one seen
    after = read(engine, tenant, "stripe_customers")
    assert {row.name for row in after.values()} == {"New 0", "New 1", "New 2"}
    assert pull_stripe.sync(engine, tenant, shelf.config(), now=LATER).events == 1
    assert read(engine, tenant, "stripe_customers") == after


def test_many_events_are_followed_in_pages_from_old_to_new(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    """1,250 events are more than one batch of a thousand; all are stored, and one customer is read once for each batch."""
    subject = shelf.put("customer", "cus_1", T0)
    shelf.happen("evt_first", T0, "customer.created", subject)
    pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    for number in range(1_250):
        shelf.happen(f"evt_{number:04}", T0 + number, "customer.updated", subject)
    summary = pull_stripe.sync(engine, tenant, shelf.config(), now=LATER)
    assert (summary.events, summary.rows["changes"]) == (1_250, 2)
    assert len(read(engine, tenant, "stripe_events")) == 1_251


def test_an_object_that_stripe_no_longer_has_is_marked_as_deleted(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    customer = shelf.put("customer", "cus_1", T0, name="Ada")
    product = shelf.put("product", "prod_1", T0, name="Plan")
    shelf.happen("evt_1", T0, "customer.created", customer)
    pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    shelf.put("customer", "cus_1", T0, deleted=True)  # Stripe still answers, with no more than that
    del shelf.kinds["product"]["prod_1"]  # Stripe answers 404
    shelf.happen("evt_2", T0 + 1, "customer.deleted", customer)
    shelf.happen("evt_3", T0 + 1, "product.deleted", product)
    pull_stripe.sync(engine, tenant, shelf.config(), now=LATER)
    kept = [read(engine, tenant, "stripe_customers")["cus_1"], read(engine, tenant, "stripe_products")["prod_1"]]
    assert [(row.name, row.is_deleted) for row in kept] == [("Ada", True), ("Plan", True)]


def test_when_the_last_event_is_out_of_reach_everything_is_read_again(
    engine: Engine, tenant: UUID, shelf: Shelf
) -> None:
    """Two months without a pull: the list of events no longer has the last one seen, so nobody knows what was deleted."""
    customers(shelf, range(3))
    shelf.happen("evt_1", T0, "customer.created", shelf.kinds["customer"]["cus_0000"])
    pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    shelf.kinds["event"].clear()
    del shelf.kinds["customer"]["cus_0001"]
    shelf.put("customer", "cus_0002", T0, name="New")
    summary = pull_stripe.sync(engine, tenant, shelf.config(), now=NOON + timedelta(days=60))
    assert summary.is_backfill
    kept = read(engine, tenant, "stripe_customers")
    assert [(row.name, row.is_deleted) for _, row in sorted(kept.items())] == [
        ("Customer 0", False),
        ("Customer 1", True),
        ("New", False),
    ]


def test_a_missing_permission_is_named_and_stops_nothing_else(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    customers(shelf, range(3))
    shelf.put("dispute", "dp_1", T0, amount=1_500, currency="usd")
    shelf.happen("evt_1", T0, "customer.created", shelf.kinds["customer"]["cus_0000"])
    said = (
        "The provided key 'rk_test_*****elf' does not have access. Having the 'rak_dispute_read' permission would help."
    )
    shelf.interfere = lambda path, query: refusal(403, "", said) if path.startswith("/v1/disputes") else None
    summary = pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    sentence = "The Stripe key may not read disputes. Give it the permission Disputes: Read (rak_dispute_read) in the Stripe Dashboard."
    assert summary.refused == {"disputes": sentence}
    assert len(read(engine, tenant, "stripe_customers")) == 3
    noted = read_freshness(engine, tenant)
    assert (noted["stripe"].status, noted["stripe"].message) == (Status.OK, sentence)
    assert (noted["stripe: disputes"].status, noted["stripe: disputes"].message) == (Status.FAILED, sentence)
    shelf.interfere = lambda path, query: None  # the permission is given
    assert pull_stripe.sync(engine, tenant, shelf.config(), now=LATER).refused == {}
    assert set(read(engine, tenant, "stripe_disputes")) == {"dp_1"}
    assert read_freshness(engine, tenant)["stripe: disputes"].status is Status.OK


def test_a_permission_taken_away_later_leaves_no_gap_once_it_is_back(
    engine: Engine, tenant: UUID, shelf: Shelf
) -> None:
    first = shelf.put("dispute", "dp_1", T0, status="needs_response")
    shelf.happen("evt_1", T0, "charge.dispute.created", first)
    pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    second = shelf.put("dispute", "dp_2", T0 + 60, status="needs_response")
    shelf.happen("evt_2", T0 + 60, "charge.dispute.created", second)
    shelf.interfere = lambda path, query: refusal(403, "", "no") if path.startswith("/v1/disputes") else None
    assert set(pull_stripe.sync(engine, tenant, shelf.config(), now=LATER).refused) == {"disputes"}
    shelf.interfere = lambda path, query: None
    pull_stripe.sync(engine, tenant, shelf.config(), now=LATER)  # evt_2 has been followed already
    assert set(read(engine, tenant, "stripe_disputes")) == {"dp_1", "dp_2"}


def test_too_many_requests_and_failures_are_waited_out(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    """Every third request is refused with 429 (the SDK does not retry those) or a lock; nothing is missing at the end."""
    customers(shelf, range(350))
    numbers = count()
    troubles = [refusal(429, "rate_limit"), refusal(429, "lock_timeout")]

    def every_third(path: str, query: Query) -> Answer | None:
        number = next(numbers)
        return troubles[number % 2] if number % 3 == 0 else None

    shelf.interfere = every_third
    pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    assert len(read(engine, tenant, "stripe_customers")) == 350


def test_a_key_that_stripe_refuses_is_said_and_noted(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    shelf.interfere = lambda path, query: refusal(401, "api_key_expired", "Expired API Key provided: rk_test_*****elf")
    with pytest.raises(StripeKeyRefused, match="does not accept the key in STRIPE_API_KEY") as refused:
        pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    assert "rk_test" not in str(refused.value)
    noted = read_freshness(engine, tenant)["stripe"]
    assert (noted.status, noted.message, noted.last_success_at) == (Status.FAILED, str(refused.value), None)


def test_a_server_that_stays_silent_is_said_and_the_next_pull_goes_on(
    engine: Engine, tenant: UUID, shelf: Shelf
) -> None:
    """Charges answer 500 for ever: the other lists are kept, and only what is missing is read once the server is well."""
    customers(shelf, range(3))
    shelf.put("charge", "ch_1", T0, amount=100)
    shelf.interfere = lambda path, query: refusal(429, "rate_limit") if path == "/v1/charges" else None
    with pytest.raises(StripeUnreachable, match=r"still answers 429 \(rate_limit\) to /v1/charges"):
        pull_stripe.sync(engine, tenant, shelf.config(threads=1), now=NOON)
    shelf.interfere = lambda path, query: None
    shelf.requests.clear()
    pull_stripe.sync(engine, tenant, shelf.config(), now=LATER)
    assert set(read(engine, tenant, "stripe_charges")) == {"ch_1"}
    assert "/v1/customers" not in {path for path, _ in shelf.requests}


def test_an_address_where_nobody_answers_is_named(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    config = shelf.config(timeout_seconds=1)
    with serving() as gone:
        nowhere = gone.config()
    with pytest.raises(StripePullError, match=f"{nowhere.api_base} cannot be reached"):
        pull_stripe.sync(engine, tenant, nowhere, now=NOON)
    assert config.api_base != nowhere.api_base


def test_money_without_events_is_found_at_every_pull(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    """A monthly Stripe fee has no event; its list is read again from an hour before the newest one known."""
    shelf.put("balance_transaction", "txn_1", T0, amount=5_000, fee=175, net=4_825, currency="usd")
    pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    shelf.put("balance_transaction", "txn_2", T0 + 86_400, amount=-900, fee=0, net=-900, currency="usd")
    for _ in range(2):
        pull_stripe.sync(engine, tenant, shelf.config(), now=LATER)
    kept = read(engine, tenant, "stripe_balance_transactions")
    assert sum(row.net_minor for row in kept.values()) == 4_825 - 900
    with tenant_transaction(engine, tenant) as connection:
        money = select(windows_table).where(windows_table.c.stream == "balance_transactions")
        assert len(connection.execute(money).all()) == 1  # windows of past pulls do not pile up


def test_progress_counts_rows_by_stream(engine: Engine, tenant: UUID, shelf: Shelf) -> None:
    customers(shelf, range(120))
    told: list[tuple[str, int]] = []
    pull_stripe.sync(engine, tenant, shelf.config(), now=NOON, progress=lambda name, done, _: told.append((name, done)))
    counted = [done for name, done in told if name == "customers"]
    assert counted == sorted(counted)
    assert ("customers", 120) in told


def test_mallory_sees_nothing_of_a_pull(engine: Engine, tenant: UUID, mallory: UUID, shelf: Shelf) -> None:
    customers(shelf, range(3))
    pull_stripe.sync(engine, tenant, shelf.config(), now=NOON)
    assert read(engine, mallory, "stripe_customers") == {}
    assert read_freshness(engine, mallory) == {}
