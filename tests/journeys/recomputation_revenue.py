"""Net revenue by customer and month worked out a second time from a Stripe account, day by day and in exact fractions.

It follows docs/metrics.md, version 1, and nothing else: no line of the engine is used here.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.journeys.recomputation_account import Account, Json

SERVICE, INVOICED = "service", "invoiced"
TAKEN_OFF = ("discounts", "credits", "refunds", "disputes")
# Both currencies of the demo count in hundredths, so an exchange rate between cents is the rate between whole units.
HUNDREDTHS = {"usd", "eur"}
DAY = timedelta(days=1)

MonthOf = tuple[str, date, str | None]


@dataclass
class Revenue:
    """Cents by basis, month and customer, and under each what they are made of; None where no exchange rate is known."""

    cents: dict[MonthOf, dict[str, int | None]] = field(default_factory=lambda: defaultdict(dict))

    def add(self, basis: str, month: date, customer: str | None, kind: str, cents: int | None) -> None:
        kinds = self.cents[basis, month, customer]
        before = kinds.get(kind, 0)
        kinds[kind] = None if before is None or cents is None else before + cents

    def part(self, basis: str, month: date, customer: str | None, kind: str) -> int | None:
        """What one kind of amount comes to; 0 where there was none."""
        return self.cents.get((basis, month, customer), {}).get(kind, 0)

    def net(self, basis: str, month: date, customer: str | None) -> int | None:
        """Gross less everything that is taken off."""
        gross = self.part(basis, month, customer, "gross")
        taken = [self.part(basis, month, customer, kind) for kind in TAKEN_OFF]
        if gross is None or None in taken:
            return None
        return gross - sum(cents for cents in taken if cents is not None)


def half_away(exact: Fraction) -> int:
    """The nearest whole number; a half goes away from zero."""
    return math.floor(exact + Fraction(1, 2)) if exact >= 0 else math.ceil(exact - Fraction(1, 2))


def shared_out(cents: int, weights: Mapping[Any, int]) -> dict[Any, int]:
    """Cents in proportion to weights: rounded down, and what is left over goes where the most was cut off."""
    size = abs(cents)
    exact = {place: Fraction(size * weight, sum(weights.values())) for place, weight in weights.items()}
    parts = {place: math.floor(share) for place, share in exact.items()}
    most_cut_first = sorted(exact, key=lambda place: (parts[place] - exact[place], place))
    for place in most_cut_first[: size - sum(parts.values())]:
        parts[place] += 1
    return {place: part if cents >= 0 else -part for place, part in parts.items()}


class Rates:
    """What a currency was worth on a day, from the conversions of the account itself."""

    def __init__(self, account: Account) -> None:
        charges = {charge["id"]: charge for charge in account.charges}
        self._days: dict[tuple[str, str], dict[date, Fraction]] = defaultdict(dict)
        for money in sorted(account.balance_transactions, key=lambda row: (row["created"], row["id"])):
            charge = charges.get(money["source"])
            if money["exchange_rate"] is None or charge is None or charge["currency"] == money["currency"]:
                continue
            # Rates are kept in billionths, and the first of a day is the day's.
            billionths = half_away(Fraction(Decimal(money["exchange_rate"])) * 10**9)
            pair = charge["currency"], money["currency"]
            self._days[pair].setdefault(_day(money["created"]), Fraction(billionths, 10**9))

    def on(self, day: date, have: str, want: str) -> Fraction | None:
        """The latest rate of the 45 days up to the day, else the first of the 14 days after it."""
        assert {have, want} <= HUNDREDTHS, (
            f"the recomputation does not know how {have} and {want} count their minor units"
        )
        if have == want:
            return Fraction(1)
        known = self._days[have, want]
        for candidate in [day - number * DAY for number in range(46)] + [day + number * DAY for number in range(1, 15)]:
            if candidate in known:
                return known[candidate]
        return None


def revenue(account: Account, want: str, as_of: datetime) -> Revenue:
    """Both bases in the currency `want`, for the days that have begun at `as_of`."""
    found, rates = Revenue(), Rates(account)
    for invoice in account.invoices:
        if invoice["status"] in {"open", "paid"}:
            finalized = _day(invoice["status_transitions"]["finalized_at"])
            rate = rates.on(finalized, invoice["currency"], want)
            for line in invoice["lines"]["data"]:
                for kind, cents in _amounts_of(line).items():
                    found.add(INVOICED, _month(finalized), invoice["customer"], kind, _converted(cents, rate))
                    for month, part in _by_service_month(line, cents, rate, as_of):
                        found.add(SERVICE, month, invoice["customer"], kind, part)
    _take_back(found, account, rates, want)
    _add_fees(found, account, rates, want)
    return found


def _amounts_of(line: Json) -> dict[str, int]:
    tax_inside = sum(tax["amount"] for tax in line["taxes"] if tax["tax_behavior"] == "inclusive")
    used_credit = [part for part in line["pretax_credit_amounts"] if part["type"] == "credit_balance_transaction"]
    return {
        "gross": line["amount"] - tax_inside,
        "discounts": sum(part["amount"] for part in line["discount_amounts"]),
        "credits": sum(part["amount"] for part in used_credit),
    }


def _by_service_month(line: Json, cents: int, rate: Fraction | None, as_of: datetime) -> list[tuple[date, int | None]]:
    """What of the line's amount was earned in which month: its days are counted one by one."""
    first, end = _day(line["period"]["start"]), _day(line["period"]["end"])
    days = [first + number * DAY for number in range(max(1, (end - first).days))]
    of_month = Counter(_month(day) for day in days)
    begun = Counter(_month(day) for day in days if datetime.combine(day, datetime.min.time(), UTC) < as_of)
    steps: list[tuple[date, bool, int]] = []
    for month, part in shared_out(cents, of_month).items():
        earned = shared_out(part, {"1 begun": begun[month], "2 to come": of_month[month] - begun[month]})
        steps += [(month, True, earned["1 begun"]), (month, False, earned["2 to come"])]
    found = []
    running = 0
    for month, is_earned, part in steps:
        # The running total is converted, so that the parts of a line come to the converted line.
        before, running = running, running + part
        if is_earned and begun[month]:
            after_minus_before = None if rate is None else half_away(running * rate) - half_away(before * rate)
            found.append((month, after_minus_before))
    return found


def _take_back(found: Revenue, account: Account, rates: Rates, want: str) -> None:
    """Refunds and lost disputes, without the tax in them, on both bases in the month in which the money left."""
    paid_by = {payment["payment"].get("payment_intent"): payment["invoice"] for payment in account.invoice_payments}
    invoices = {invoice["id"]: invoice for invoice in account.invoices}
    charges = {charge["id"]: charge for charge in account.charges}
    gone = [("refunds", row) for row in account.refunds if row["status"] in {"succeeded", "pending", "requires_action"}]
    gone += [("disputes", row) for row in account.disputes if row["status"] == "lost"]
    returned: Counter[Hashable] = Counter()
    for kind, row in sorted(gone, key=lambda each: (each[1]["created"], each[1]["id"])):
        intent = charges[row["charge"]]["payment_intent"]
        invoice = invoices.get(paid_by.get(intent, "")) if intent else None
        if invoice is None or invoice["status"] not in {"open", "paid"}:
            continue
        revenue_share = Fraction(invoice["total_excluding_tax"], invoice["total"])
        before = returned[invoice["id"]]
        returned[invoice["id"]] += row["amount"]
        cents = half_away(returned[invoice["id"]] * revenue_share) - half_away(before * revenue_share)
        day = _day(row["created"])
        minor = _converted(cents, rates.on(day, row["currency"], want))
        for basis in (SERVICE, INVOICED):
            found.add(basis, _month(day), invoice["customer"], kind, minor)


def _add_fees(found: Revenue, account: Account, rates: Rates, want: str) -> None:
    """Stripe's fees, with the customer of the charge, the refund or the dispute, or with nobody."""
    charges = {charge["id"]: charge for charge in account.charges}
    charge_of = {row["id"]: row["charge"] for row in (*account.refunds, *account.disputes)}
    for money in account.balance_transactions:
        is_fee_itself = money["type"] in {"stripe_fee", "stripe_fx_fee", "tax_fee"}
        cents = -money["amount"] if is_fee_itself else money["fee"]
        charge = charges.get(charge_of.get(money["source"], money["source"]))
        day = _day(money["created"])
        for basis in (SERVICE, INVOICED):
            customer = charge["customer"] if charge else None
            found.add(basis, _month(day), customer, "fees", _converted(cents, rates.on(day, money["currency"], want)))


def _converted(cents: int, rate: Fraction | None) -> int | None:
    return None if rate is None else half_away(cents * rate)


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def _month(day: date) -> date:
    return day.replace(day=1)
