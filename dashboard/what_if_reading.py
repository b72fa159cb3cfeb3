"""What the what-if page reads and asks: the choices it offers, and the answer to a question, kept for the version it was asked of."""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from dashboard.reading import Reading, kept_figure
from pricing.price_book import load_catalogue
from pricing.what_if import Answer, PriceChange, outcomes
from pricing.what_if_costs import CostChange
from store import warehouse_reads as reads
from store import warehouse_what_if

# The margin that the second price aims at.
TARGET = Fraction(70, 100)


@dataclass(frozen=True)
class Question:
    """What is asked: over which months (first days, both included), by which basis, and what changes."""

    first: date
    last: date
    basis: str
    cost: CostChange
    price: PriceChange

    @property
    def is_any(self) -> bool:
        """Whether anything changes at all."""
        cost = self.cost
        is_cost = cost.to_model is not None or cost.cache_percent is not None or cost.discount_basis_points != 0
        return is_cost or self.price.is_any


@dataclass(frozen=True)
class Choices:
    """What can be chosen: customers and plans, models of the usage (dearest first), providers, models of the price book."""

    names: dict[str, str]
    plans: dict[str, tuple[str, ...]]
    used: tuple[tuple[str, str], ...]
    priced: tuple[tuple[str, str], ...]

    @property
    def providers(self) -> tuple[str, ...]:
        """Who charged for the usage, the dearest first."""
        return tuple(dict.fromkeys(provider for provider, _ in self.used))


def choices(reading: Reading, first: date, last: date) -> Choices:
    """The choices for these months; read once for a version."""

    def read() -> Choices:
        customers = reads.customers(reading.warehouse).select("customer_id", "name", "plan").rows()
        plans: dict[str, list[str]] = {}
        for customer_id, _, plan in customers:
            plans.setdefault(plan or "No plan", []).append(customer_id)
        return Choices(
            names={customer_id: name or customer_id for customer_id, name, _ in customers},
            plans={plan: tuple(ids) for plan, ids in sorted(plans.items())},
            used=tuple(warehouse_what_if.models_used(reading.warehouse, [first, last])),
            priced=tuple(sorted(load_catalogue().models())),
        )

    found = kept_figure(("what if choices", str(reading.warehouse.file), first, last), read)
    assert isinstance(found, Choices)
    return found


def answer(reading: Reading, question: Question) -> Answer:
    """The outcome for each customer and the company. Raises NoSuchPrices when the model to move to has no price."""

    def ask() -> Answer:
        months = warehouse_what_if.read_months(
            reading.warehouse, question.basis, question.first, question.last, question.cost, load_catalogue()
        )
        company = warehouse_what_if.coverage(reading.warehouse, question.first, question.last)
        return outcomes(months, reading.currency, question.price, TARGET, company)

    found = kept_figure(("what if", str(reading.warehouse.file), question), ask)
    assert isinstance(found, Answer)
    return found
