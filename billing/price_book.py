"""What a person may change of the price book: prices of the tenant's own and terms of its contracts, with a role and a reason."""

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID, uuid4

from billing.principals import Principal
from pricing.contracts import Term, check, conflicting
from pricing.price_entry import PriceEntry
from store import audit, contract_terms, own_prices, restatements
from store.database import Connection

MAY_CHANGE = frozenset({"finance", "founder"})


class PriceBookNotAllowed(Exception):
    """The price book may not be changed like that; the sentence says why, or by whom it might."""


def add_term(connection: Connection, term: Term, *, principal: Principal, because: str, now: datetime) -> Term:
    """Write a term of a contract down; it gets an id of its own. Raises TermRefused and PriceBookNotAllowed."""
    _may(principal, because)
    check(term)
    added = replace(term, term_id=str(uuid4()))
    contract_terms.hold(connection)
    other = conflicting(added, contract_terms.read(connection))
    if other is not None:
        raise PriceBookNotAllowed(
            f"{other.contract_id} already has such a term for {other.provider} {other.models} from {other.valid_from}: "
            "end it first, or let this one begin after it."
        )
    contract_terms.add(connection, added, by=str(principal), because=because.strip(), now=now)
    _audit(connection, "contract_term:add", added.term_id, principal, because, now, after=_term_facts(added))
    restatements.wake(connection)
    return added


def end_term(
    connection: Connection, term_id: UUID, *, ends_on: date, principal: Principal, because: str, now: datetime
) -> bool:
    """Let a term hold until before `ends_on`; one that would then never have held is withdrawn. False if it is gone already.

    The row is superseded and a new one with the end is written: what was known before can still be told.
    """
    _may(principal, because)
    found = contract_terms.find(connection, term_id, lock=True)
    if found is None or found.superseded_at is not None:
        return False
    term = found.term
    if term.valid_to is not None and ends_on > term.valid_to:
        raise PriceBookNotAllowed(f"The term ends on {term.valid_to} already: a longer one is a new term.")
    contract_terms.supersede(connection, term_id, by=str(principal), because=because.strip(), now=now)
    ended = replace(term, term_id=str(uuid4()), valid_to=ends_on)
    if ends_on > term.valid_from:
        check(ended)
        contract_terms.add(connection, ended, by=str(principal), because=because.strip(), now=now)
    _audit(
        connection, "contract_term:end", str(term_id), principal, because, now,
        before=_term_facts(term), after={"valid_to": ends_on},
    )  # fmt: skip
    restatements.wake(connection)
    return True


def add_price(connection: Connection, entry: PriceEntry, *, principal: Principal, because: str, now: datetime) -> UUID:
    """Write a price of the tenant's own down: it holds from now on for usage of its time, older usage included."""
    _may(principal, because)
    if not entry.provider.strip() or not entry.model.strip():
        raise PriceBookNotAllowed("A price needs a provider and a model, as the usage names them.")
    if all(price is None for price in entry.unit_pico_usd.values()):
        raise PriceBookNotAllowed("A price names what at least one unit costs.")
    if any(price is not None and price < 0 for price in entry.unit_pico_usd.values()):
        raise PriceBookNotAllowed("A price is 0 or more.")
    if entry.valid_from and entry.valid_to and entry.valid_to <= entry.valid_from:
        raise PriceBookNotAllowed("A price ends after it has begun: choose a later end.")
    own_price_id = uuid4()
    own_prices.add(connection, own_price_id, entry, by=str(principal), because=because.strip(), now=now)
    _audit(connection, "own_price:add", str(own_price_id), principal, because, now, after=_price_facts(entry))
    restatements.wake(connection)
    return own_price_id


def withdraw_price(
    connection: Connection, own_price_id: UUID, *, principal: Principal, because: str, now: datetime
) -> bool:
    """Let a price of the tenant's own no longer hold; False when it already does not."""
    _may(principal, because)
    if not own_prices.supersede(connection, own_price_id, by=str(principal), because=because.strip(), now=now):
        return False
    _audit(connection, "own_price:withdraw", str(own_price_id), principal, because, now)
    restatements.wake(connection)
    return True


def _may(principal: Principal, because: str) -> None:
    if principal.role not in MAY_CHANGE:
        raise PriceBookNotAllowed(f"A {principal.role} may look at prices; finance or a founder may change them.")
    if not because.strip():
        raise PriceBookNotAllowed("Say why: the reason stands beside the change for good.")


def _audit(
    connection: Connection,
    action: str,
    subject: str,
    principal: Principal,
    because: str,
    now: datetime,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    audit.append(
        connection,
        at=now,
        principal=str(principal),
        action=action,
        subject=f"{action.partition(':')[0]}:{subject}",
        before=before,
        after=(after or {}) | {"because": because.strip()},
    )


def _term_facts(term: Term) -> dict[str, object]:
    return {
        "contract_id": term.contract_id,
        "provider": term.provider,
        "models": term.models,
        "service_tier": term.service_tier,
        "valid_from": term.valid_from,
        "valid_to": term.valid_to,
        "kind": contract_terms.kind_of(term.rule),
        "rule": contract_terms.rule_document(term.rule),
    }


def _price_facts(entry: PriceEntry) -> dict[str, object]:
    return {
        "price_key": entry.price_key,
        "unit_pico_usd": {bucket: str(price) for bucket, price in entry.unit_pico_usd.items() if price is not None},
        "valid_from": entry.valid_from,
        "valid_to": entry.valid_to,
        "source_url": entry.source_url,
        "checked_on": entry.checked_on,
    }
