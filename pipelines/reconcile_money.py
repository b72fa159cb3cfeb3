"""Whether the money in our copies adds up, charge by charge, transaction by transaction, payout by payout, and as a whole."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from billing.reconciliation_money import balance_findings, charge_findings, payout_findings, transaction_findings
from billing.reconciliation_rules import COPY, Discrepancy
from pipelines.pull_stripe_client import StripePermissionMissing
from pipelines.pull_stripe_pages import Pull
from pipelines.pull_stripe_streams import BY_KIND
from pipelines.reconcile_copies import GRACE, look_again, put
from store import discrepancies, mirror_copies, reconciliation_runs, stripe_mirror
from store.database import Connection, tenant_transaction
from store.reconciliation_runs import Run
from store.stripe_rows import Raw
from store.stripe_values import moment, reference

AT_ONCE = 500
BALANCE, TRANSACTIONS = "/v1/balance", "/v1/balance_transactions"
BALANCE_TRIES = 3
# The kinds of source that are mirrored, by how their ids begin; other sources (transfers, top-ups) are not known here.
_SOURCES = {
    "ch_": "charge",
    "py_": "charge",
    "re_": "refund",
    "pyr_": "refund",
    "dp_": "dispute",
    "du_": "dispute",
    "po_": "payout",
}
# Where one of these may not be read, no sum of the others can be checked.
CHARGE_SIDE = frozenset({"charge", "refund", "dispute", "balance_transaction"})


def check_money(pull: Pull, run: Run) -> Run:
    """Check every sum. What a copy that is wrong would explain is not said twice: it is its copy's discrepancy."""
    explained, kinds = _explained(pull)
    unread = frozenset(run.refused)
    checked = dict(run.checked)
    if not unread & CHARGE_SIDE:
        checked["money of charges"] = _each(pull, run, "charge", charges_money, explained)
        checked["money of balance transactions"] = _each(
            pull, run, "balance_transaction", transactions_money, explained
        )
    if not unread & {"payout", "balance_transaction"}:
        checked["money of payouts"] = _each(pull, run, "payout", payouts_money, explained)
    refused = dict(run.refused)
    if "balance_transaction" not in unread | kinds:
        try:
            balance = balance_money(pull)
        except StripePermissionMissing:
            refused["balance"] = "The Stripe key may not read the balance, so it was not compared."
        else:
            checked["balances"] = 1
            with tenant_transaction(pull.engine, pull.tenant_id) as connection:
                put(connection, pull.tenant_id, run, balance, now=pull.now, suspected=False)
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        return reconciliation_runs.note(connection, run, checked=checked, progress=run.progress, refused=refused)


def _explained(pull: Pull) -> tuple[frozenset[str], frozenset[str]]:
    """The objects whose copies are wrong, with those that these belong to; and the kinds of the wrong ones."""
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        wrong = [one for one in discrepancies.listed(connection, states=("open", "ignored")) if one.rule == COPY]
    ids = {id_ for one in wrong for id_ in (one.object_id, *one.refers_to)}
    return frozenset(ids), frozenset(one.object_kind for one in wrong)


Contents = Mapping[str, Sequence[Raw]]
"""The balance transactions that Stripe lists for each payout, by its id."""

Money = Callable[[Connection, Sequence[Raw], Contents], Iterable[tuple[frozenset[str], Discrepancy]]]
"""What of some objects does not add up, each finding with the ids of all that took part in it."""


def _each(pull: Pull, run: Run, kind: str, money: Money, explained: frozenset[str]) -> int:
    """Check all living objects of a kind, a batch a transaction; how many there were."""
    cut = int((run.started_at - GRACE).timestamp())
    number, after = 0, ""
    while True:
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            objects = stripe_mirror.after(connection, kind, after, limit=AT_ONCE)
        if not objects:
            return number
        old = [raw for raw in objects if (raw.get("created") or 0) <= cut]
        contents = contents_of(pull, old)
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            off = [(involved, one) for involved, one in money(connection, old, contents) if not involved & explained]
        found = [one for involved, one in off if _is_settled(pull, involved)]
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            put(connection, pull.tenant_id, run, found, now=pull.now, suspected=False)
        number += len(objects)
        after = objects[-1]["id"]


def contents_of(pull: Pull, objects: Sequence[Raw]) -> Contents:
    """What the automatic payouts among these objects are made of, which only Stripe can say."""
    automatic = [raw["id"] for raw in objects if raw["object"] == "payout" and raw.get("automatic")]
    return {id_: pull.reader.pages_after(TRANSACTIONS, {"payout": id_}, None) for id_ in automatic}


def _is_settled(pull: Pull, involved: Iterable[str]) -> bool:
    """The second look at a sum: whether our copies of all that take part in it are what Stripe has now.

    While news of one is on its way the sum cannot be right; the next run looks again.
    """
    for id_ in involved:
        kind = "balance_transaction" if id_.startswith("txn_") else _source_kind(id_)
        if kind is None:
            continue
        if look_again(pull, BY_KIND[kind], id_)[0] is not None:
            return False
        if kind == "balance_transaction":
            continue
        listed = {one["id"] for one in pull.reader.pages_after(TRANSACTIONS, {"source": id_}, None)}
        with tenant_transaction(pull.engine, pull.tenant_id) as connection:
            if listed - mirror_copies.existing(connection, "balance_transaction", sorted(listed)):
                return False
    return True


def charges_money(
    connection: Connection, charges: Sequence[Raw], _contents: Contents
) -> Iterator[tuple[frozenset[str], Discrepancy]]:
    """What of these charges, their refunds and disputes does not add up."""
    ids = [charge["id"] for charge in charges]
    refunds, disputes = mirror_copies.refunds_of(connection, ids), mirror_copies.disputes_of(connection, ids)
    moved = [raw["id"] for found in (refunds, disputes) for raws in found.values() for raw in raws]
    booked = mirror_copies.booked_for(connection, ids + moved)
    for charge in charges:
        back, asked = refunds.get(charge["id"], []), disputes.get(charge["id"], [])
        sources = [charge["id"], *(raw["id"] for raw in back), *(raw["id"] for raw in asked)]
        transactions = [one["id"] for source in sources for one in booked.get(source, [])]
        involved = frozenset((*sources, *transactions))
        for found in charge_findings(charge, back, asked, booked):
            yield involved, found


def transactions_money(
    connection: Connection, transactions: Sequence[Raw], _contents: Contents
) -> Iterator[tuple[frozenset[str], Discrepancy]]:
    """What of these balance transactions does not add up by itself, and which are of something that is not there."""
    by_kind: dict[str, list[str]] = {}
    for one in transactions:
        source = reference(one.get("source"))
        kind = _source_kind(source)
        if source is not None and kind is not None:
            by_kind.setdefault(kind, []).append(source)
    known = {id_ for kind, ids in by_kind.items() for id_ in mirror_copies.existing(connection, kind, ids)}
    for one in transactions:
        source = reference(one.get("source"))
        is_known = None if _source_kind(source) is None else source in known
        involved = frozenset({one["id"], source or ""})
        for found in transaction_findings(one, is_source_known=is_known):
            yield involved, found


def _source_kind(source: str | None) -> str | None:
    return (
        None if source is None else next((kind for prefix, kind in _SOURCES.items() if source.startswith(prefix)), None)
    )


def payouts_money(
    connection: Connection, payouts: Sequence[Raw], contents: Contents
) -> Iterator[tuple[frozenset[str], Discrepancy]]:
    """What of these payouts does not add up."""
    booked = mirror_copies.booked_for(connection, [payout["id"] for payout in payouts])
    for payout in payouts:
        own = booked.get(payout["id"], [])
        for found in payout_findings(payout, contents.get(payout["id"], ()), own):
            yield frozenset({payout["id"], *(one["id"] for one in own)}), found


def balance_money(pull: Pull) -> list[Discrepancy]:
    """Where Stripe's balance is not the sum of what we hold, with the latest transactions as Stripe lists them now.

    Money moves while one reads, so a balance counts that is the same before and after the transactions were read.
    """
    cut: datetime | None = moment(int((pull.now - GRACE).timestamp()))
    assert cut is not None, "the cut is a second"
    for _ in range(BALANCE_TRIES):
        before = pull.reader.read(BALANCE, {})
        latest = pull.reader.pages_after(TRANSACTIONS, {"created": {"gt": int(cut.timestamp())}}, None)
        if _totals(pull.reader.read(BALANCE, {})) == _totals(before):
            break
    else:
        return []  # it never stood still; the next run looks again
    with tenant_transaction(pull.engine, pull.tenant_id) as connection:
        net = mirror_copies.net_by_currency(connection, until=cut)
    for one in latest:
        net[one["currency"]] = net.get(one["currency"], 0) + one["net"]
    return balance_findings(before, net)


def _totals(balance: Raw) -> dict[str, int]:
    """The balance by currency, whatever part of it is available already."""
    totals: dict[str, int] = {}
    for part in ("available", "pending"):
        for money in balance[part]:
            totals[money["currency"]] = totals.get(money["currency"], 0) + money["amount"]
    return totals
