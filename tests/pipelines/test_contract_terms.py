"""Contract terms from a person's hand to the published cube: who may, why, and what was known when."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, select

from billing.price_book import PriceBookNotAllowed, add_term, end_term
from billing.principals import Principal, Role
from pipelines.publish_warehouse import publish
from pricing.contracts import Commitment, Credit, Discount, Term, TermRefused, UnitPrices, VolumeTiers
from store import contract_terms, warehouse_reads
from store.database import tenant_transaction
from store.schema import audit_log
from tests.pipelines.imported_usage import import_one, row, usage_csv
from tests.pipelines.usage_files import json_lines

NOW = datetime(2026, 12, 5, tzinfo=UTC)
FINANCE = Principal("Ada", "finance")
HALF = Discount(500_000)


def term(rule: object = HALF, **given: object) -> Term:
    plain = {"term_id": "", "contract_id": "openai-2026", "provider": "openai", "valid_from": date(2026, 11, 2)}
    return Term(**(plain | {"rule": rule} | given))  # type: ignore[arg-type]  # a test names what it likes


def added(engine: Engine, tenant: UUID, one: Term, *, now: datetime = NOW, by: Principal = FINANCE) -> UUID:
    with tenant_transaction(engine, tenant) as connection:
        return UUID(add_term(connection, one, principal=by, because="signed", now=now).term_id)


def cube(engine: Engine, home: Path, tenant: UUID) -> list[tuple[object, ...]]:
    publication = publish(engine, home, tenant, now=NOW)
    assert publication.is_published, publication.message
    shown = warehouse_reads.open_current(home, tenant)
    assert shown is not None
    return shown.rows(
        "select day, list_cost_pico_usd, cost_pico_usd, cost_source, contract_id from usage_cube order by day, contract_id nulls first"
    ).rows()


def test_a_contract_changes_the_next_version_and_its_list_cost_stays(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Two calls of $0.0035 each; half off from the second day. $1 a month is committed: 1 - 0.00525 are missing in November."""
    import_one(engine, tmp_path, tenant, usage_csv(tmp_path / "usage.csv", [row("e1"), row("e2", day=2)]))
    listed = 3_500_000_000
    first, second = date(2026, 11, 1), date(2026, 11, 2)
    plain = [(first, listed, listed, "catalogue", None), (second, listed, listed, "catalogue", None)]
    assert cube(engine, tmp_path, tenant) == plain
    term_id = added(engine, tenant, term())
    added(engine, tenant, term(Commitment(10**12), contract_id="openai-committed", valid_from=first))
    half = (second, listed, listed // 2, "contract", "openai-2026")
    missing = 10**12 - listed - listed // 2
    shortfall = (date(2026, 11, 30), None, missing, "contract", "openai-committed")
    assert cube(engine, tmp_path, tenant) == [plain[0], half, shortfall]
    with tenant_transaction(engine, tenant) as connection:
        assert end_term(connection, term_id, ends_on=second, principal=FINANCE, because="never signed", now=NOW)
        assert not end_term(connection, term_id, ends_on=second, principal=FINANCE, because="again", now=NOW)
    assert cube(engine, tmp_path, tenant)[:2] == plain


def test_what_a_provider_gives_away_each_day_is_free_for_all_customers_together(
    engine: Engine, tenant: UUID, tmp_path: Path
) -> None:
    """Gemini 2.5 Flash: 1,500 grounded searches a day are free, then $0.035 each. 1,000 + 1,000 of two customers: 250 each are paid."""
    plain = {"occurred_at": "2026-11-01T12:00:00Z", "provider": "google", "model": "gemini-2.5-flash"}
    calls = [plain | {"event_id": f"g{who}", "customer_id": f"acct_{who}", "search_requests": 1_000} for who in (1, 2)]
    import_one(engine, tmp_path, tenant, json_lines(tmp_path / "google.jsonl", calls))
    day, each = date(2026, 11, 1), 35_000_000_000
    row_of_each = (day, 1_000 * each, 250 * each, "catalogue", None)
    assert cube(engine, tmp_path, tenant) == [row_of_each, row_of_each]


def test_what_was_known_at_a_moment_can_be_asked_again(engine: Engine, tenant: UUID, mallory: UUID) -> None:
    """Added at noon, ended an hour later with another end: at each moment the terms are those of then. Mallory has none."""
    hour = timedelta(hours=1)
    term_id = added(engine, tenant, term(), now=NOW)
    with tenant_transaction(engine, tenant) as connection:
        end_term(connection, term_id, ends_on=date(2026, 12, 1), principal=FINANCE, because="ended", now=NOW + hour)

        def ends(known_at: datetime | None) -> list[date | None]:
            return [one.valid_to for one in contract_terms.read(connection, known_at=known_at)]

        assert (ends(NOW - hour), ends(NOW), ends(NOW + hour), ends(None)) == (
            [],
            [None],
            [date(2026, 12, 1)],
            [date(2026, 12, 1)],
        )
    with tenant_transaction(engine, mallory) as connection:
        assert contract_terms.listed(connection) == []
        assert not end_term(connection, term_id, ends_on=date(2026, 12, 1), principal=FINANCE, because="x", now=NOW)


@pytest.mark.parametrize("role", ["viewer", "support", "lead"])
def test_only_finance_and_founders_change_prices(engine: Engine, tenant: UUID, role: Role) -> None:
    with pytest.raises(PriceBookNotAllowed, match=f"A {role} may look at prices; finance or a founder may change them"):
        added(engine, tenant, term(), by=Principal("Bob", role))


def test_a_change_needs_a_reason_and_stands_in_the_audit_log(engine: Engine, tenant: UUID) -> None:
    with tenant_transaction(engine, tenant) as connection:
        with pytest.raises(PriceBookNotAllowed, match="Say why"):
            add_term(connection, term(), principal=FINANCE, because="  ", now=NOW)
        add_term(connection, term(), principal=FINANCE, because="signed in October", now=NOW)
        line = connection.execute(select(audit_log.c.action, audit_log.c.principal, audit_log.c.after)).one()
    assert (line.action, line.principal, line.after["because"]) == (
        "contract_term:add",
        "Ada (finance)",
        "signed in October",
    )
    assert line.after["rule"] == {"off_ppm": 500_000}


def test_two_terms_that_say_the_same_at_one_time_are_refused(engine: Engine, tenant: UUID) -> None:
    added(engine, tenant, term(valid_to=date(2027, 1, 1)))
    with pytest.raises(PriceBookNotAllowed, match="openai-2026 already has such a term for openai \\* from 2026-11-02"):
        added(engine, tenant, term(Discount(1), valid_from=date(2026, 12, 31)))
    added(engine, tenant, term(Discount(1), valid_from=date(2027, 1, 1)))
    added(engine, tenant, term(Discount(1), models="gpt-*"))
    with pytest.raises(TermRefused, match="more than 0 %"):
        added(engine, tenant, term(Discount(0)))


@pytest.mark.parametrize(
    "rule",
    [
        UnitPrices({"input_uncached_tokens": 2**62}),
        HALF,
        VolumeTiers("output_text_tokens", ((10**9, 10_000_000), (None, 8_000_000))),
        Commitment(10**20, 900_000),
        Credit(10**20),
    ],
)
def test_every_kind_of_rule_is_read_as_it_was_written(engine: Engine, tenant: UUID, rule: object) -> None:
    added(engine, tenant, term(rule, valid_from=date(2026, 11, 1)))
    with tenant_transaction(engine, tenant) as connection:
        [read] = contract_terms.read(connection)
    assert read.rule == rule
