"""One model's cells, day by day: how much of the gap is exchange rate, timing, missing traffic, duplicates, quantity or price."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from functools import cached_property

# Below this share, or this amount in a cell, a difference is rounding and noise, and is not explained.
TOLERANCE, TOLERANCE_PICO_USD = Fraction(1, 200), 10**10
# Late calls come into reports for a day or two: on its last days a bill still grows.
GROWING_DAYS = timedelta(days=2)
# Days within which what one side has too early comes in on the other.
TIMING_DAYS = 4
# How much of such days may stay open and still be called timing.
TIMING_LEFT = Fraction(1, 20)


class Cause(StrEnum):
    """Why log and bill differ, in the order in which the gap is split."""

    FX = "exchange rate"
    MISSING_UNIT = "missing unit"
    TIMING = "timing"
    MISSING_TRAFFIC = "missing traffic"
    DUPLICATE = "duplicate"
    QUANTITY = "quantity"
    PRICE = "price"
    TOLERANCE = "within tolerance"


@dataclass(frozen=True, slots=True)
class Part:
    """One cause's part of a cell's gap (billed less logged)."""

    cause: Cause
    pico_usd: int


@dataclass(slots=True)
class Cell:
    """A model's unit on a day, on both sides; `billed_quantity` is None as long as no line tells one.

    `dated_pico_usd` is the bill at the exchange rates of its days, `given_back_pico_usd` the credits and adjustments in it.
    """

    logged_quantity: int = 0
    logged_pico_usd: int = 0
    billed_quantity: int | None = None
    billed_pico_usd: int = 0
    dated_pico_usd: int = 0
    given_back_pico_usd: int = 0

    def bill(self, quantity: int | None, pico_usd: int, dated_pico_usd: int | None) -> None:
        """Add a line of the bill."""
        if quantity is not None:
            self.billed_quantity = (self.billed_quantity or 0) + quantity
        self.billed_pico_usd += pico_usd
        self.dated_pico_usd += pico_usd if dated_pico_usd is None else dated_pico_usd

    def give_back(self, pico_usd: int) -> None:
        """Add a credit (zero or less) or an adjustment."""
        self.bill(None, pico_usd, None)
        self.given_back_pico_usd += pico_usd

    @property
    def charged_pico_usd(self) -> int:
        """What usage was billed at, at the rate of its day and before anything was given back."""
        return self.dated_pico_usd - self.given_back_pico_usd


Key = tuple[date, str | None]
Cells = Mapping[Key, Cell]
Sums = dict[Key, dict[Cause, int]]


def split_model(cells: Cells, *, is_named: bool, last_day: date) -> dict[Key, list[Part]]:
    """The parts of each cell's gap, which sum to it exactly; causes without a part are left out.

    `is_named` says that the lines name the model; `last_day` is the last one of the bill, which still grows on it and the day before.
    """
    sums: Sums = {key: defaultdict(int) for key in cells}
    for key, cell in cells.items():
        sums[key][Cause.FX] = cell.billed_pico_usd - cell.dated_pico_usd
        sums[key][Cause.PRICE] = cell.given_back_pico_usd
    units = _by_unit(cells)
    one_sided = _one_sided(units, is_named=is_named)
    for unit, cause in one_sided.items():
        for day, cell in units[unit].items():
            sums[day, unit][cause] += cell.charged_pico_usd - cell.logged_pico_usd
    both = {unit: _Series(days) for unit, days in units.items() if unit not in one_sided}
    _tell_price_from_quantity(both)
    _split_days(both, sums, last_day)
    return {key: [Part(cause, sums[key][cause]) for cause in Cause if sums[key][cause]] for key in cells}


def _by_unit(cells: Cells) -> dict[str | None, dict[date, Cell]]:
    units: dict[str | None, dict[date, Cell]] = defaultdict(dict)
    for (day, unit), cell in cells.items():
        units[unit][day] = cell
    return units


def _one_sided(units: Mapping[str | None, Mapping[date, Cell]], *, is_named: bool) -> dict[str | None, Cause]:
    """The units that only one side knows: of a model that only one side has they are traffic, else a unit that is not kept."""
    ours = {
        unit: any(each.logged_quantity or each.logged_pico_usd for each in days.values())
        for unit, days in units.items()
    }
    theirs = {
        unit: any(each.billed_quantity or each.charged_pico_usd for each in days.values())
        for unit, days in units.items()
    }
    whole = is_named and not (any(ours.values()) and any(theirs.values()))
    cause = Cause.MISSING_TRAFFIC if whole else Cause.MISSING_UNIT
    return {unit: cause for unit in units if not (ours[unit] and theirs[unit])}


class _Series:
    """A unit over its days: what was used by log and by bill, and the price that the log counts with."""

    def __init__(self, days: Mapping[date, Cell]) -> None:
        self.days = days
        quantity = sum(each.logged_quantity for each in days.values())
        cost = sum(each.logged_pico_usd for each in days.values())
        self._mean = Fraction(cost, quantity) if quantity else Fraction(0)
        self.is_told = any(each.billed_quantity is not None for each in days.values())
        self.is_price = False

    @cached_property
    def price(self) -> dict[date, Fraction]:
        """What the log counts for one, in pico-USD, by day: of the day, or the mean where the day has none."""
        return {
            day: Fraction(cell.logged_pico_usd, cell.logged_quantity) if cell.logged_quantity else self._mean
            for day, cell in self.days.items()
        }

    @cached_property
    def theirs(self) -> dict[date, int]:
        """The billed quantity by day; where the bill tells money alone, what that buys at the log's price."""
        return {day: self._billed(day, cell) for day, cell in self.days.items()}

    def _billed(self, day: date, cell: Cell) -> int:
        if self.is_told:
            return cell.billed_quantity or 0
        price = self.price[day]
        if self.is_price or not price:
            return cell.logged_quantity
        return round(cell.charged_pico_usd / price)

    @cached_property
    def lacks(self) -> dict[date, int]:
        """What the bill has more of, by day."""
        return {day: self.theirs[day] - cell.logged_quantity for day, cell in self.days.items()}

    @cached_property
    def gap(self) -> dict[date, int]:
        """The same at the log's price, in pico-USD."""
        return {day: round(lacks * self.price[day]) if lacks else 0 for day, lacks in self.lacks.items()}

    def steady_ratio(self) -> Fraction | None:
        """Billed money as a multiple of logged, where it is the same on every day; None where it moves."""
        ratios = [
            Fraction(each.charged_pico_usd, each.logged_pico_usd) for each in self.days.values() if each.logged_pico_usd
        ]
        if len(ratios) < len(self.days) or len(ratios) < 3:
            return None
        mean = sum(ratios, Fraction(0)) / len(ratios)
        return mean if all(abs(ratio - mean) <= TOLERANCE * mean for ratio in ratios) else None


def _tell_price_from_quantity(both: Mapping[str | None, _Series]) -> None:
    """Without quantities, a unit that is off by the same factor on every day, and by another than the rest, has another price."""
    silent = [series for series in both.values() if not series.is_told]
    ratios = {id(series): series.steady_ratio() for series in silent}
    for series in silent:
        mine = ratios[id(series)]
        others = [ratios[id(other)] for other in silent if other is not series]
        if mine is not None and others and all(other is None or abs(other - mine) > TOLERANCE for other in others):
            series.is_price = True


def _split_days(both: Mapping[str | None, _Series], sums: Sums, last_day: date) -> None:
    days = sorted({day for series in both.values() for day in series.days})
    shifted = _shifted(both, days)
    for day in days:
        common = None if day in shifted else _common_factor(both, day)
        for unit, series in both.items():
            if day in series.days:
                is_growing = day > last_day - GROWING_DAYS
                _split_cell(series, day, sums[day, unit], common, is_shifted=day in shifted, is_growing=is_growing)


def _split_cell(
    series: _Series, day: date, into: dict[Cause, int], common: Fraction | None, *, is_shifted: bool, is_growing: bool
) -> None:
    """One cell: the part that all units of the day share, then the unit's own quantity, and what is left is the price."""
    cell, theirs, lacks = series.days[day], series.theirs[day], series.lacks[day]
    gap = cell.charged_pico_usd - cell.logged_pico_usd
    if lacks and (is_shifted or (is_growing and lacks < 0)):
        into[Cause.TIMING] += series.gap[day]
    elif lacks:
        shared = 0 if common is None else round(theirs * (1 - common)) if theirs else lacks
        cause = Cause.MISSING_TRAFFIC if common is not None and common < 1 else Cause.DUPLICATE
        part = round(shared * series.price[day]) if shared != lacks else series.gap[day]
        into[cause] += part
        is_small = abs(lacks - shared) <= TOLERANCE * max(cell.logged_quantity, theirs)
        into[Cause.TOLERANCE if is_small else Cause.QUANTITY] += series.gap[day] - part
    gap -= series.gap[day]
    most = max(abs(cell.charged_pico_usd), abs(cell.logged_pico_usd))
    is_noise = abs(gap) <= max(TOLERANCE_PICO_USD, int(TOLERANCE * most))
    into[Cause.TOLERANCE if is_noise else Cause.PRICE] += gap


def _common_factor(both: Mapping[str | None, _Series], day: date) -> Fraction | None:
    """Logged as a multiple of billed, as far as all units of the day have it in common; None where they have nothing in common.

    Calls that one side does not have are missing in all of their units alike, requests included. So the unit that is off least
    tells how many calls: with one that agrees, all calls are there, and the others are counted differently.
    """
    pairs = [(each.days[day].logged_quantity, each.theirs[day]) for each in both.values() if day in each.days]
    used = [pair for pair in pairs if max(pair)]
    # Of sixty requests one is more than the tolerance: a unit that comes in small numbers tells of a factor only if all do.
    telling = [pair for pair in used if max(pair) * TOLERANCE >= 1] or used
    ratios = [Fraction(ours, theirs) if theirs else None for ours, theirs in telling]
    known = [ratio for ratio in ratios if ratio is not None]
    if not known:
        # The bill has nothing of the day: its calls are missing there.
        return Fraction(0) if ratios else None
    # A unit that the log has and the bill lacks is more than any factor above one.
    is_less, is_more = max(known) < 1 and len(known) == len(ratios), min(known) > 1
    if not (is_less or is_more) or any(abs(ratio - 1) <= TOLERANCE for ratio in known):
        return None
    return max(known) if is_less else min(known)


def _shifted(both: Mapping[str | None, _Series], days: Sequence[date]) -> set[date]:
    """Days whose gaps come in within a few days: together they are (nearly) nothing."""
    gaps = {day: sum(series.gap.get(day, 0) for series in both.values()) for day in days}
    size = {
        day: sum(series.days[day].logged_pico_usd for series in both.values() if day in series.days) for day in days
    }
    open_days = {day for day in days if abs(gaps[day]) > max(TOLERANCE_PICO_USD, int(TOLERANCE * size[day]))}
    shifted: set[date] = set()
    for start in sorted(open_days):
        for length in range(2, TIMING_DAYS + 1):
            run = [start + timedelta(days=place) for place in range(length)]
            if start in shifted or run[-1] not in open_days or shifted & set(run):
                continue
            left, moved = sum(gaps.get(day, 0) for day in run), sum(abs(gaps.get(day, 0)) for day in run)
            if abs(left) <= TIMING_LEFT * moved:
                shifted |= set(run) & open_days
                break
    return shifted
