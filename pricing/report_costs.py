"""Which cause moved the AI cost of a month between two states of its facts, in exact pico-USD."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Literal

from pricing.report_ledger import CostFact

CostCause = Literal["late_usage", "price_correction", "provider_bill", "contract_term", "definition"]
# What a provider has said itself, against what we have worked out.
FROM_THE_PROVIDER = frozenset({"invoice", "reported"})
Group = tuple[str, str, str, str]
Key = tuple[str, str, str]
Changes = dict[CostCause, dict[str, int]]


def cost_changes(then: Sequence[CostFact], now: Sequence[CostFact], *, is_redefined: bool) -> Changes:
    """Pico-USD by cause and subject (`provider/model`, or the provider of a bill); they sum to the whole change.

    Usage is compared by name in the log, model and tier. Where quantities are the same, the price moved; where the price is, usage did;
    where both did, usage that came counts at what it costs now and usage that went at what it cost then.
    """
    found: Changes = defaultdict(lambda: defaultdict(int))
    before, after = _grouped(then), _grouped(now)
    for group in sorted(before.keys() | after.keys()):
        old, new = before.get(group, []), after.get(group, [])
        for cause, pico in _group_changes(old, new, is_redefined=is_redefined):
            found[cause]["/".join(group[1:3])] += pico
    bills_before, bills_after = _bills(then), _bills(now)
    for provider in sorted(bills_before.keys() | bills_after.keys()):
        moved = bills_after.get(provider, 0) - bills_before.get(provider, 0)
        if moved:
            found["provider_bill"][provider] += moved
    return {cause: dict(subjects) for cause, subjects in found.items()}


def moved_between_customers(then: Sequence[CostFact], now: Sequence[CostFact]) -> list[tuple[str, int]]:
    """Names in the log that belong to another customer now, with the pico-USD that their usage had cost: (sentence, cost)."""
    owner_now = {fact.customer_ref: fact.customer_id for fact in now if fact.customer_ref is not None}
    moved: dict[tuple[str, str | None, str | None], int] = defaultdict(int)
    for fact in then:
        ref = fact.customer_ref
        if ref is not None and ref in owner_now and owner_now[ref] != fact.customer_id:
            moved[ref, fact.customer_id, owner_now[ref]] += fact.cost_pico_usd or 0
    return [
        (f"{ref}: {old or 'nobody'} to {new or 'nobody'}", pico)
        for (ref, old, new), pico in sorted(moved.items(), key=str)
    ]


def _is_bill(fact: CostFact) -> bool:
    return fact.events == 0 and fact.cost_source == "invoice"


def _bills(facts: Sequence[CostFact]) -> dict[str, int]:
    sums: dict[str, int] = defaultdict(int)
    for fact in facts:
        if _is_bill(fact):
            sums[fact.provider or "unknown"] += fact.cost_pico_usd or 0
    return sums


def _grouped(facts: Sequence[CostFact]) -> dict[Group, list[CostFact]]:
    groups: dict[Group, list[CostFact]] = defaultdict(list)
    for fact in facts:
        if not _is_bill(fact):
            name = (fact.customer_ref or "", fact.provider or "", fact.model or "", fact.service_tier or "")
            groups[name].append(fact)
    return groups


def _key(fact: CostFact) -> Key:
    return fact.price_key or "", fact.cost_source or "", fact.contract_id or ""


def _group_changes(
    old: Sequence[CostFact], new: Sequence[CostFact], *, is_redefined: bool
) -> list[tuple[CostCause, int]]:
    found: list[tuple[CostCause, int]] = []
    by_key = {_key(fact): fact for fact in old}
    left_old, left_new = dict(by_key), []
    for fact in new:
        same = by_key.get(_key(fact))
        if same is None or same.quantities != fact.quantities:
            left_new.append(fact)
            continue
        del left_old[_key(fact)]
        moved = (fact.cost_pico_usd or 0) - (same.cost_pico_usd or 0)
        if moved:
            found.append((_repriced([same], [fact], is_redefined=is_redefined), moved))
    rest = list(left_old.values())
    if rest or left_new:
        found += _split(rest, left_new, is_redefined=is_redefined)
    return [(cause, pico) for cause, pico in found if pico]


def _split(old: Sequence[CostFact], new: Sequence[CostFact], *, is_redefined: bool) -> list[tuple[CostCause, int]]:
    """What came or went, and what costs otherwise; the two sum to the change."""
    cost_old, cost_new = (sum(fact.cost_pico_usd or 0 for fact in facts) for facts in (old, new))
    change = cost_new - cost_old
    if {_key(fact) for fact in old} == {_key(fact) for fact in new} or not old or not new:
        return [("late_usage", change)]
    had, has = _quantity(old, new), _quantity(new, old)
    if has > had:
        usage = cost_new * (has - had) // has
    elif has < had:
        usage = -(cost_old * (had - has) // had)
    else:
        usage = 0
    return [("late_usage", usage), (_repriced(old, new, is_redefined=is_redefined), change - usage)]


def _quantity(facts: Sequence[CostFact], others: Sequence[CostFact]) -> int:
    """Units to weigh by: tokens and whatever else is billed, or events where neither side has any."""
    if any(sum(fact.quantities.values()) for fact in (*facts, *others)):
        return sum(sum(fact.quantities.values()) for fact in facts)
    return sum(fact.events for fact in facts)


def _repriced(old: Sequence[CostFact], new: Sequence[CostFact], *, is_redefined: bool) -> CostCause:
    """Why the same usage costs something else now."""
    had, has = ({fact.cost_source for fact in facts} for facts in (old, new))
    if had != has and (had | has) & FROM_THE_PROVIDER:
        return "provider_bill"
    if {fact.contract_id for fact in old} != {fact.contract_id for fact in new} or "contract" in has:
        return "contract_term"
    if is_redefined and {_key(fact) for fact in old} == {_key(fact) for fact in new}:
        return "definition"
    return "price_correction"
