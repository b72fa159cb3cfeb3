"""Usage log against provider's bill, per day, model and unit: the gap of each cell split into causes whose parts sum to it exactly."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction

from pricing.coverage import COVERAGE_MIN
from pricing.usage import BUCKETS
from pricing.variance_split import GROWING_DAYS, TOLERANCE, Cause, Cell, Part, split_model

__all__ = ["BillState", "Billed", "Cause", "Logged", "Variance", "matched_and_compared", "reconcile"]

# Bills count thinking as output, at the price of output.
BILLED_AS = {"reasoning_tokens": "output_text_tokens"}
# Charges that change what is paid and not what was used.
_NO_USAGE = frozenset({"credit", "adjustment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What the usage log has of a unit on a UTC day, and what of its effective cost falls on it (0 where it has no price)."""

    day: date
    provider: str
    model: str | None
    unit: str | None
    quantity: int
    cost_pico_usd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """A line of a bill. `quantity` None: not told; a quantity without a cost (a usage report) has `cost_pico_usd` 0.

    `dated_pico_usd` is what was billed at the exchange rate of its day; None where it was billed in dollars.
    """

    day: date
    provider: str
    model: str | None
    unit: str | None
    quantity: int | None
    cost_pico_usd: int
    dated_pico_usd: int | None = None
    charge_category: str = "usage"


@dataclass(frozen=True, slots=True)
class Variance:
    """A cell of both sides, its gap (billed less logged), and the gap's parts by cause."""

    day: date
    provider: str
    model: str | None
    unit: str | None
    logged_quantity: int
    billed_quantity: int | None
    logged_pico_usd: int
    billed_pico_usd: int
    parts: tuple[Part, ...]

    @property
    def gap_pico_usd(self) -> int:
        """What the bill has more than the log."""
        return self.billed_pico_usd - self.logged_pico_usd


ModelName = Callable[[str, str | None], str | None]


def same_name(_provider: str, model: str | None) -> str | None:
    """Models are called alike on both sides."""
    return model


def reconcile(
    logged: Iterable[Logged], billed: Iterable[Billed], *, model_name: ModelName = same_name
) -> list[Variance]:
    """Every cell of the providers and days that have a bill, ordered; tax is left out, because it is no cost of usage.

    A provider is compared from its first billed day to its last: what lies outside has no bill yet. `model_name` gives the name
    under which log and bill mean the same model (a bill names the snapshot where the log has the alias).
    """
    lines = [line for line in billed if line.charge_category != "tax"]
    spans = _spans(lines)
    cells: dict[tuple[str, str | None], dict[tuple[date, str | None], Cell]] = defaultdict(lambda: defaultdict(Cell))
    found: list[Variance] = []
    for line in lines:
        cell = cells[line.provider, model_name(line.provider, line.model)][line.day, _unit(line.unit)]
        if line.charge_category in _NO_USAGE:
            cell.give_back(line.cost_pico_usd)
        else:
            cell.bill(line.quantity, line.cost_pico_usd, line.dated_pico_usd)
    for entry in logged:
        span = spans.get(entry.provider)
        if span is not None and span[0] <= entry.day <= span[1]:
            cell = cells[entry.provider, model_name(entry.provider, entry.model)][entry.day, _unit(entry.unit)]
            cell.logged_quantity += entry.quantity
            cell.logged_pico_usd += entry.cost_pico_usd
    for provider in sorted(spans):
        models = {model: held for (of, model), held in cells.items() if of == provider}
        _lend_to_lines_without_a_model(models)
        for model in sorted(models, key=str):
            held = _as_the_bill_tells_them(models[model])
            parts = split_model(held, is_named=model is not None, last_day=spans[provider][1])
            found += [
                Variance(day, provider, model, unit, cell.logged_quantity, cell.billed_quantity, cell.logged_pico_usd,
                         cell.billed_pico_usd, tuple(parts[day, unit]))
                for (day, unit), cell in sorted(held.items(), key=lambda item: (item[0][0], str(item[0][1])))
            ]  # fmt: skip
    return found


def matched_and_compared(variances: Iterable[Variance]) -> dict[tuple[date, str], tuple[int, int]]:
    """By month (first day) and provider: Σ of the smaller and Σ of the larger of logged and billed, model by model, in pico-USD."""
    sums: dict[tuple[date, str, str | None], list[int]] = defaultdict(lambda: [0, 0])
    for each in variances:
        held = sums[each.day.replace(day=1), each.provider, each.model]
        held[0] += each.logged_pico_usd
        held[1] += each.billed_pico_usd
    found: dict[tuple[date, str], tuple[int, int]] = {}
    for (month, provider, _), (ours, theirs) in sums.items():
        matched, compared = found.get((month, provider), (0, 0))
        found[month, provider] = (matched + max(0, min(ours, theirs)), compared + max(0, ours, theirs))
    return found


def spread_cost(cost_pico_usd: int, listed_pico_usd: Mapping[str, int]) -> dict[str | None, int]:
    """A cost over the units that it is of, by their list cost; what it is more or less falls on the dearest. They sum to it.

    Without any unit the cost stands under None.
    """
    if not listed_pico_usd:
        return {None: cost_pico_usd}
    spread: dict[str | None, int] = dict(listed_pico_usd.items())
    dearest = max(listed_pico_usd, key=lambda unit: listed_pico_usd[unit])
    spread[dearest] += cost_pico_usd - sum(listed_pico_usd.values())
    return spread


class BillState(StrEnum):
    """How a provider's month stands."""

    RECONCILED = "reconciled"
    TOLERANCE = "within tolerance"
    OPEN = "open gap"
    NO_BILL = "no bill connected"


def bill_state(matched_pico_usd: int | None, compared_pico_usd: int | None) -> BillState:
    """Reconciled where log and bill have 99.5 % in common, within tolerance from 95 %."""
    if not compared_pico_usd or matched_pico_usd is None:
        return BillState.NO_BILL
    share = Fraction(matched_pico_usd, compared_pico_usd)
    if share >= 1 - TOLERANCE:
        return BillState.RECONCILED
    return BillState.TOLERANCE if share >= COVERAGE_MIN else BillState.OPEN


def settled_until(billed: Iterable[Billed]) -> dict[str, tuple[date, date]]:
    """By provider the first day of its bill and the last one on which it grows no more; providers without such a day are left out."""
    spans = _spans([line for line in billed if line.charge_category != "tax"])
    return {
        provider: (first, last - GROWING_DAYS)
        for provider, (first, last) in spans.items()
        if last - GROWING_DAYS >= first
    }


def _unit(unit: str | None) -> str | None:
    return BILLED_AS.get(unit, unit) if unit else None


def _spans(lines: Sequence[Billed]) -> dict[str, tuple[date, date]]:
    """The first and the last day of each provider's bill; lines that only count tell of no bill."""
    spans: dict[str, tuple[date, date]] = {}
    for line in lines:
        if line.cost_pico_usd:
            first, last = spans.get(line.provider, (line.day, line.day))
            spans[line.provider] = (min(first, line.day), max(last, line.day))
    return spans


Cells = dict[tuple[date, str | None], Cell]


def _lend_to_lines_without_a_model(models: dict[str | None, Cells]) -> None:
    """A bill may charge a unit (web searches) for all models at once: what the log has of it by model is put together, too."""
    shared = {unit for (_, unit), cell in models.get(None, {}).items() if unit is not None and cell.billed_pico_usd}
    for unit in shared:
        for model, held in models.items():
            own = [(key, cell) for key, cell in held.items() if key[1] == unit]
            if model is None or any(cell.billed_pico_usd for _, cell in own):
                continue
            for key, cell in own:
                into = models[None].setdefault(key, Cell())
                into.logged_quantity += cell.logged_quantity
                into.logged_pico_usd += cell.logged_pico_usd
                del held[key]


def _as_the_bill_tells_them(held: Cells) -> Cells:
    """The cells as they are; one a day where the bill has a model's money and not its units (OpenRouter), counted in requests."""
    priced = {unit for (_, unit), cell in held.items() if cell.billed_pico_usd}
    if priced != {None} or all(unit is None for _, unit in held):
        return held
    whole: Cells = defaultdict(Cell)
    for (day, unit), cell in held.items():
        into = whole[day, None]
        into.logged_pico_usd += cell.logged_pico_usd
        into.billed_pico_usd += cell.billed_pico_usd
        into.dated_pico_usd += cell.dated_pico_usd
        into.given_back_pico_usd += cell.given_back_pico_usd
        if unit == BUCKETS[-1]:
            into.logged_quantity += cell.logged_quantity
            into.billed_quantity = (into.billed_quantity or 0) + (cell.billed_quantity or 0)
    return dict(whole)
