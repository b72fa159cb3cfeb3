"""Cohorts as a heat table in HTML: a real table for readers and screen readers, colored by CSS that knows light and dark."""

from collections.abc import Mapping, Sequence
from datetime import date
from fractions import Fraction
from html import escape

from dashboard import wording
from store.warehouse_metric_reads import CohortMonth

STYLE = """<style>
.cohorts{overflow-x:auto}
.cohorts table{border-collapse:separate;border-spacing:3px;font-size:.8125rem;font-variant-numeric:tabular-nums;width:100%}
.cohorts th{font-weight:400;color:light-dark(#5B6472,#9AA3B2);text-align:center;padding:.1rem .25rem;white-space:nowrap}
.cohorts th[scope=row]{text-align:left;padding-right:.6rem}
.cohorts td{text-align:center;padding:.32rem .25rem;border-radius:.3rem;min-width:3.1rem}
.cohorts td.none{color:light-dark(#8A93A3,#7B8494)}
</style>"""
# The lowest and the highest margin of the table, in percent of the color: with more of it, the page's own ink would be hard to read.
PALEST, STRONGEST = 8, 66


def table(cohorts: Mapping[date, Sequence[CohortMonth]], currency: str) -> str:
    """One row for each cohort, oldest first; a cell says the margin, its color how high it is among all, and its title the amounts."""
    shares = [cell.share for cells in cohorts.values() for cell in cells if cell.share is not None]
    ends = (min(shares), max(shares)) if shares else (Fraction(0), Fraction(1))
    width = 1 + max(_age(cell) for cells in cohorts.values() for cell in cells)
    heads = "".join(f'<th scope="col">M{place}</th>' for place in range(width))
    rows = "".join(
        _row(cohort, {_age(cell): cell for cell in cells}, width, ends, currency)
        for cohort, cells in sorted(cohorts.items())
    )
    corner = '<th scope="col">First invoice</th><th scope="col">Customers</th>'
    return f'{STYLE}<div class="cohorts" tabindex="0" role="region" aria-label="Margin by cohort"><table><thead><tr>{corner}{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _age(cell: CohortMonth) -> int:
    return (cell.month.year - cell.cohort.year) * 12 + cell.month.month - cell.cohort.month


def _row(
    cohort: date, cells: Mapping[int, CohortMonth], width: int, ends: tuple[Fraction, Fraction], currency: str
) -> str:
    last = max(cells)
    name = f"{wording.month_short(cohort)} {cohort.year}"
    drawn = "".join(_cell(cells.get(place), ends, currency) for place in range(last + 1))
    empty = "<td></td>" * (width - last - 1)
    biggest = max(cell.customers for cell in cells.values())
    return f'<tr><th scope="row">{escape(name)}</th><th>{biggest}</th>{drawn}{empty}</tr>'


def _cell(cell: CohortMonth | None, ends: tuple[Fraction, Fraction], currency: str) -> str:
    if cell is None or cell.share is None:
        return f'<td class="none">{wording.UNKNOWN}</td>'
    low, high = ends
    place = (cell.share - low) / (high - low) if high > low else Fraction(1)
    strength = PALEST + round(place * (STRONGEST - PALEST))
    color = "light-dark(#4F46E5,#6F76F5)" if cell.share >= 0 else "light-dark(#C2410C,#B4530F)"
    amounts = (
        f"{wording.month(cell.month)}: {wording.money(cell.net_revenue_minor, currency)} net revenue, "
        f"{wording.money(cell.cost_minor, currency)} AI cost, {wording.count(cell.customers, 'customer')}"
    )
    style = f"background:color-mix(in srgb,{color} {strength}%,transparent)"
    return f'<td style="{style}" title="{escape(amounts)}">{wording.percent(cell.share, 0)}</td>'
