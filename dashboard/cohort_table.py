"""Cohorts as a heat table in HTML: a real table for readers and screen readers, colored by CSS that knows light and dark."""

from collections.abc import Mapping, Sequence
from datetime import date
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
# Below this share of the color the text is the page's own, above it white.
INK_TURNS = 55


def table(cohorts: Mapping[date, Sequence[CohortMonth]], currency: str) -> str:
    """One row for each cohort, oldest first; a cell says the margin, its color how high it is, and its title the amounts."""
    width = 1 + max(_age(cell) for cells in cohorts.values() for cell in cells)
    heads = "".join(f'<th scope="col">M{place}</th>' for place in range(width))
    rows = "".join(
        _row(cohort, {_age(cell): cell for cell in cells}, width, currency) for cohort, cells in sorted(cohorts.items())
    )
    corner = '<th scope="col">First invoice</th><th scope="col">Customers</th>'
    return f'{STYLE}<div class="cohorts" tabindex="0" role="region" aria-label="Margin by cohort"><table><thead><tr>{corner}{heads}</tr></thead><tbody>{rows}</tbody></table></div>'


def _age(cell: CohortMonth) -> int:
    return (cell.month.year - cell.cohort.year) * 12 + cell.month.month - cell.cohort.month


def _row(cohort: date, cells: Mapping[int, CohortMonth], width: int, currency: str) -> str:
    last = max(cells)
    name = f"{wording.month_short(cohort)} {cohort.year}"
    drawn = "".join(_cell(cells.get(place), currency) for place in range(last + 1))
    empty = "<td></td>" * (width - last - 1)
    biggest = max(cell.customers for cell in cells.values())
    return f'<tr><th scope="row">{escape(name)}</th><th>{biggest}</th>{drawn}{empty}</tr>'


def _cell(cell: CohortMonth | None, currency: str) -> str:
    if cell is None or cell.share is None:
        return f'<td class="none">{wording.UNKNOWN}</td>'
    strength = max(6, min(100, round(cell.share * 100)))
    color = "light-dark(#4F46E5,#6F76F5)" if cell.share >= 0 else "light-dark(#C2410C,#B4530F)"
    ink = "#fff" if strength >= INK_TURNS else "inherit"
    amounts = (
        f"{wording.month(cell.month)}: {wording.money(cell.net_revenue_minor, currency)} net revenue, "
        f"{wording.money(cell.cost_minor, currency)} AI cost, {wording.count(cell.customers, 'customer')}"
    )
    style = f"background:color-mix(in srgb,{color} {strength}%,transparent);color:{ink}"
    return f'<td style="{style}" title="{escape(amounts)}">{wording.percent(cell.share, 0)}</td>'
