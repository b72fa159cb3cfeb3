"""Months of usage and their bills with faults of known kinds put in, for the test of how well they are told apart."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from pricing.usage_reconciliation import Billed, Cause, Logged

FIRST, DAYS = date(2026, 10, 1), 20
UNITS = ("input_uncached_tokens", "cache_read_tokens", "output_text_tokens", "requests")
INJECTED = (
    Cause.FX, Cause.MISSING_UNIT, Cause.TIMING, Cause.MISSING_TRAFFIC, Cause.DUPLICATE, Cause.QUANTITY, Cause.PRICE
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What was put in, in which model's cells (None: in lines without a model), and what it moved there (pico-USD, absolute)."""

    cause: Cause
    model: str | None
    moved_pico_usd: int


class Month:
    """Twenty days of one provider: what really happened as both sides would tell it without a fault."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.models = [f"model-{place}" for place in range(dice.randint(4, 7))]
        self.faults: list[Fault] = []
        self.logged: list[Logged] = []
        for model in self.models:
            self._traffic(model)
        self.billed = self._bill()

    def _traffic(self, model: str) -> None:
        dice = self.dice
        size, weekly = int(dice.paretovariate(1.1) * 3_000_000), dice.uniform(0.3, 1.0)
        prices = {"input_uncached_tokens": dice.randint(1, 50) * 10**5}
        prices |= {"cache_read_tokens": prices["input_uncached_tokens"] // 10, "requests": 0}
        prices["output_text_tokens"] = prices["input_uncached_tokens"] * dice.randint(3, 6)
        shares = {"input_uncached_tokens": 1.0, "cache_read_tokens": dice.uniform(0.1, 1.5), "requests": 1 / 900}
        shares["output_text_tokens"] = dice.uniform(0.05, 0.5)
        for place in range(DAYS):
            day = FIRST + timedelta(days=place)
            volume = size * (weekly if day.weekday() > 4 else 1) * dice.uniform(0.7, 1.3)
            for unit in UNITS:
                quantity = int(volume * shares[unit] * dice.uniform(0.9, 1.1))
                self.logged.append(
                    Logged(day=day, provider="openai", model=model, unit=unit, quantity=quantity,
                           cost_pico_usd=quantity * prices[unit])
                )  # fmt: skip

    def _bill(self) -> list[Billed]:
        """The right bill: in dollars of six decimals, and a few of each day's calls stand on the next day's."""
        lines: list[Billed] = []
        carried: dict[tuple[str | None, str | None], tuple[int, int]] = {}
        late = {(one.day, one.model): self.dice.uniform(0, 0.004) for one in self.logged}
        for one in self.logged:
            before = carried.get((one.model, one.unit), (0, 0))
            share = late[one.day, one.model]
            later = int(one.quantity * share), int(one.cost_pico_usd * share)
            carried[one.model, one.unit] = later
            lines.append(
                Billed(day=one.day, provider="openai", model=one.model, unit=one.unit,
                       quantity=one.quantity + before[0] - later[0],
                       cost_pico_usd=(one.cost_pico_usd + before[1] - later[1]) // 10**6 * 10**6)
            )  # fmt: skip
        return lines

    def _days(self, least: int, most: int) -> set[date]:
        length = self.dice.randint(least, most)
        # The bill's last two days still grow, and nothing can be told of them.
        start = self.dice.randint(0, DAYS - 2 - length)
        return {FIRST + timedelta(days=start + place) for place in range(length)}

    def _log_other(self, model: str, factor: float, days: set[date], units: Sequence[str]) -> int:
        """Change what the log has; the bill stays right. Answers by how much."""
        moved, kept = 0, []
        for one in self.logged:
            if one.model == model and one.day in days and one.unit in units:
                quantity = int(one.quantity * factor)
                cost = one.cost_pico_usd * quantity // max(1, one.quantity)
                moved += abs(one.cost_pico_usd - cost)
                one = replace(one, quantity=quantity, cost_pico_usd=cost)  # noqa: PLW2901 - the changed entry is the one that is kept
            kept.append(one)
        self.logged = kept
        return moved

    def inject(self, cause: Cause, model: str) -> None:
        """Put one fault in, of a size that somebody would want explained."""
        dice = self.dice
        where: str | None = model
        match cause:
            case Cause.MISSING_TRAFFIC:
                factor = dice.choice([0.0, dice.uniform(0.3, 0.95)])
                moved = self._log_other(model, factor, self._days(1, DAYS - 2), UNITS)
            case Cause.DUPLICATE:
                moved = self._log_other(
                    model, dice.choice([2.0, dice.uniform(1.05, 1.8)]), self._days(1, DAYS - 4), UNITS
                )
            case Cause.QUANTITY:
                units = [dice.choice(UNITS[:3])]
                moved = self._log_other(
                    model, dice.choice([dice.uniform(0.2, 0.9), dice.uniform(1.1, 2)]), self._days(2, DAYS - 2), units
                )
            case Cause.PRICE:
                moved = self._bill_at(model, dice.choice([dice.uniform(0.5, 0.95), dice.uniform(1.05, 2)]))
            case Cause.MISSING_UNIT:
                where = dice.choice([model, None])
                moved = self._bill_searches(where)
            case Cause.TIMING:
                moved = self._bill_later(model)
            case _:
                moved = self._bill_in_euros()
        self.faults.append(Fault(cause, where, moved))

    def _bill_at(self, model: str, factor: float) -> int:
        since, moved = min(self._days(2, DAYS - 2)), 0
        units = self.dice.sample(UNITS[:3], self.dice.randint(1, 3))
        for place, line in enumerate(self.billed):
            if line.model == model and line.unit in units and line.day >= since:
                cost = int(line.cost_pico_usd * factor)
                moved += abs(cost - line.cost_pico_usd)
                self.billed[place] = replace(line, cost_pico_usd=cost)
        return moved

    def _bill_searches(self, model: str | None) -> int:
        """Grounded searches: billed per query, and no log keeps them."""
        lines = [
            Billed(
                day=day,
                provider="openai",
                model=model,
                unit="search_requests",
                quantity=count,
                cost_pico_usd=count * 10**10,
            )
            for day in self._days(3, DAYS - 2)
            if (count := self.dice.randint(50, 2_000))
        ]
        self.billed += lines
        return sum(line.cost_pico_usd for line in lines)

    def _bill_later(self, model: str) -> int:
        """A part of one day stands on the bill of the next."""
        day, share, moved = min(self._days(2, 4)), self.dice.uniform(0.1, 0.6), 0
        mine = [line for line in self.billed if line.model == model and line.day == day]
        self.billed = [line for line in self.billed if line not in mine]
        for line in mine:
            assert line.quantity is not None
            quantity = int(line.quantity * share)
            cost = line.cost_pico_usd * quantity // max(1, line.quantity)
            moved += 2 * cost
            self.billed += [
                replace(line, quantity=line.quantity - quantity, cost_pico_usd=line.cost_pico_usd - cost),
                replace(line, day=day + timedelta(days=1), quantity=quantity, cost_pico_usd=cost),
            ]
        return moved

    def _bill_in_euros(self) -> int:
        """Billed in another currency, and converted by the provider at a rate of its own."""
        factor, moved = 1 + self.dice.choice([-1, 1]) * self.dice.uniform(0.01, 0.05), 0
        for place, line in enumerate(self.billed):
            cost = int(line.cost_pico_usd * factor)
            moved += abs(cost - line.cost_pico_usd)
            self.billed[place] = replace(line, cost_pico_usd=cost, dated_pico_usd=line.cost_pico_usd)
        return moved


def faulty_month(dice: random.Random) -> Month:
    """A month with one to three faults of different kinds; in a third of the months all of them are of one model."""
    month = Month(dice)
    causes = dice.sample(INJECTED, dice.randint(1, 3))
    models = dice.sample(month.models, 3) if dice.random() < 2 / 3 else [dice.choice(month.models)] * 3
    # What changes lines of the bill as a whole comes last: it must not be taken for a fault of those before it.
    late = (Cause.TIMING, Cause.FX)
    for cause, model in zip(
        sorted(causes, key=lambda one: late.index(one) if one in late else -1), models, strict=False
    ):
        month.inject(cause, model)
    return month


def without_quantities(bill: Sequence[Billed]) -> list[Billed]:
    """A bill of money alone."""
    return [replace(line, quantity=None) for line in bill if line.cost_pico_usd]
