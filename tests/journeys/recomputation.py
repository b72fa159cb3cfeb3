"""The margin table a second time, from Stripe over HTTP and the usage file: what `metering demo` should have printed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from pricing.price_book import PriceEntry, load_catalogue
from tests.journeys.recomputation_account import Account, read_account
from tests.journeys.recomputation_bills import Bills, agreement, beyond_usage
from tests.journeys.recomputation_revenue import SERVICE, Revenue, half_away, revenue
from tests.journeys.recomputation_usage import UNITS, Spending, Usage, cost_cents, owners, read_events, usage

UNKNOWN = "\u2014"
NOBODY = "Usage without a customer"
BEYOND = "Billed beyond the usage"

Cells = tuple[str, str, str, str]


@dataclass(frozen=True)
class Books:
    """Everything that was worked out, and the account it came from."""

    account: Account
    revenue: Revenue
    usage: Usage
    bills: Bills

    def months(self) -> list[date]:
        """Every month in which there was revenue, a fee or usage."""
        return sorted({key[1] for key in self.revenue.cents} | {month for month, _ in self.usage.spending})

    def customers(self) -> list[str | None]:
        """Every customer, and nobody."""
        return [*(customer["id"] for customer in self.account.customers), None]

    def spending(self, month: date, customers: Iterable[str | None]) -> Spending:
        """The usage of these customers together."""
        kept = [self.usage.spending.get((month, customer), Spending()) for customer in customers]
        names = Spending.__dataclass_fields__
        return Spending(**{name: sum(getattr(one, name) for one in kept) for name in names})

    def beyond(self, month: date) -> int:
        """What the bills of a month come to beyond the usage, in pico-USD."""
        return beyond_usage(self.bills, self.usage.by_day, month)

    def cost_pico_usd(self, month: date, customers: Sequence[str | None]) -> int:
        """What these customers cost together; among nobody's is what was billed beyond the usage."""
        return self.spending(month, customers).cost_pico_usd + (self.beyond(month) if None in customers else 0)


def recompute(sandbox_url: str, usage_file: Path, bills: Bills, *, currency: str, as_of: datetime) -> Books:
    """Read both sources and add them up."""
    account = read_account(sandbox_url)
    used = usage(read_events(usage_file), owners(account), listed_prices)
    return Books(account, revenue(account, currency, as_of), used, bills)


def listed_prices(
    provider: str | None, model: str | None, tier: str | None, region: str | None
) -> Sequence[PriceEntry]:
    """The price entries of a model in the catalogue: the only thing that is taken from the product, as data."""
    assert tier in {"standard", "batch"}, f"the recomputation does not know the tier {tier}"
    named = load_catalogue().find(provider, model)
    return () if isinstance(named, str) else load_catalogue().entries_of(*named, tier, region=region)


def table(books: Books, month: date) -> dict[str, Cells]:
    """The cells of each row by the customer's name, and of the total: those who had revenue or usage in the month."""
    names = {customer["id"]: customer["name"] for customer in books.account.customers}
    present = {customer for of, customer in books.usage.spending if of == month}
    present |= {key[2] for key in books.revenue.cents if key[:2] == (SERVICE, month)}
    nets = {customer: books.revenue.net(SERVICE, month, customer) for customer in present}
    rows = {
        NOBODY if customer is None else names[customer]: _cells(net, books.spending(month, [customer]).cost_pico_usd)
        for customer, net in nets.items()
    }
    assert len(rows) == len(present), "two customers have one name"
    if books.beyond(month):
        rows[BEYOND] = _cells(0, books.beyond(month))
    return rows | {"Total": _cells(_total(nets.values()), books.cost_pico_usd(month, list({*present, None})))}


def coverage(books: Books, month: date) -> str:
    """The line under the table: how much of the usage has a price and an owner, and between what the margin lies."""
    everyone = books.customers()
    all_usage = books.spending(month, everyone)
    owned = books.spending(month, [customer for customer in everyone if customer is not None])
    net = _total(books.revenue.net(SERVICE, month, customer) for customer in everyone)
    assert net is not None
    assert net > 0
    assert books.usage.calls_without_tokens == 0, (
        "calls without tokens have a share of their own, which this does not work out"
    )
    least, most = unpriced_bounds(books.usage, month)
    paid = books.cost_pico_usd(month, everyone)
    low, high = (Fraction(net - cost_cents(paid + pico_usd), net) for pico_usd in (most, least))
    priced = Fraction(all_usage.tokens - all_usage.unpriced_tokens, all_usage.tokens)
    attributed = Fraction(owned.cost_pico_usd, all_usage.cost_pico_usd)
    counting = " once unpriced usage is counted" if cost_cents(paid + least) > cost_cents(paid) else ""
    agreed = agreement(books.bills, books.usage.by_day, month)
    assert min(priced, attributed, agreed) >= Fraction(95, 100)
    assert not {provider for _, provider in books.usage.unpriced} & set(books.bills.settled), "a bill has it in it"
    return (
        f"Coverage: {percent(priced)} of usage priced, {percent(attributed)} of AI cost attributed to customers, "
        f"{percent(agreed)} of AI cost agrees with the providers' bills, "
        f"margin between {percent(low)} and {percent(high)}{counting}."
    )


def unpriced_bounds(found: Usage, month: date) -> tuple[int, int]:
    """What the month's usage without a price costs at the twentieth of its provider's list from below and from above, or of all."""
    least = most = 0
    for (of, provider), quantities in found.unpriced.items():
        for unit, quantity in zip(UNITS, quantities, strict=True):
            if of == month and quantity and (prices := list_of(provider, unit, month) or list_of(None, unit, month)):
                last = len(prices) - 1
                least += quantity * prices[last // 20]
                most += quantity * prices[-(-19 * last // 20)]
            else:
                assert of != month or not quantity or unit == "requests", f"nobody lists a price for {unit}"
    return least, most


def list_of(provider: str | None, unit: str, month: date) -> list[int]:
    """The standard prices of a unit in a month at one provider or at all, lowest first; those of long requests are left out."""
    book, prices = load_catalogue(), []
    following = date(month.year + month.month // 12, month.month % 12 + 1, 1)
    for seller, model in book.models():
        for entry in book.entries_of(seller, model) if provider in {seller, None} else ():
            began = entry.valid_from is None or entry.valid_from.date() < following
            # What ended at midnight of the first day did not hold in the month.
            lasted = entry.valid_to is None or entry.valid_to > datetime(month.year, month.month, 1, tzinfo=UTC)
            price = entry.unit_pico_usd.get(unit)
            if began and lasted and entry.above_input_tokens is None and price is not None:
                prices.append(price)
    return sorted(prices)


def _total(cents: Iterable[int | None]) -> int | None:
    """A sum that holds an unknown amount is unknown itself."""
    kept = list(cents)
    return None if None in kept else sum(one for one in kept if one is not None)


def _cells(net: int | None, cost_pico_usd: int) -> Cells:
    cost = cost_cents(cost_pico_usd)
    profit = None if net is None else net - cost
    share = Fraction(net - cost, net) if net is not None and net > 0 else None
    return dollars(net), dollars(cost), dollars(profit), UNKNOWN if share is None else percent(share)


def dollars(cents: int | None) -> str:
    """As a person reads it: 1,234.50."""
    return UNKNOWN if cents is None else f"{Decimal(cents).scaleb(-2):,.2f}"


def percent(share: Fraction) -> str:
    """One decimal; only what is whole is called 100.0 %."""
    tenths = half_away(share * 1000)
    if tenths == 1000 and share < 1:
        tenths = 999
    return f"{Decimal(tenths).scaleb(-1):.1f} %"
