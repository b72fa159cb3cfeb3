"""What a difference is made of, as bars in an HTML table: each part with its amount and sign, and the sum that they come to."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

STYLE = """<style>
.split{overflow-x:auto}
.split table{border-collapse:collapse;width:100%;font-size:.875rem;font-variant-numeric:tabular-nums}
.split th,.split td{padding:.3rem .25rem;text-align:left;font-weight:400;vertical-align:middle}
.split th{width:50%;max-width:0;min-width:5rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.split td.amount{text-align:right;white-space:nowrap;width:1%}
.split td.bar{width:50%;min-width:3rem}
.split .track{position:relative;height:.75rem}
.split .fill{position:absolute;top:0;bottom:0;border-radius:.2rem;min-width:2px}
.split .more{background:light-dark(#E69F00,#F0B442)}
.split .less{background:light-dark(#0F9D8A,#2BBFA9)}
.split tr.sum th,.split tr.sum td{border-top:1px solid light-dark(#E4E7EC,#262B34);font-weight:600}
</style>"""


@dataclass(frozen=True)
class Part:
    """One part: its name, its size in any unit (for the bar alone) and its amount as it is read, sign and unit in it."""

    name: str
    size: int
    amount: str


def table(parts: Sequence[Part], total: str, *, caption: str) -> str:
    """A bar to the right makes it more, one to the left makes it less; the last row is the sum as it is shown elsewhere."""
    most = max((part.size for part in parts if part.size > 0), default=0)
    least = max((-part.size for part in parts if part.size < 0), default=0)
    span = (most + least) or 1
    rows = "".join(_row(part, 100 * least / span, span) for part in parts)
    last = f'<tr class="sum"><th scope="row">Together</th><td></td><td class="amount">{escape(total)}</td></tr>'
    return (
        f'{STYLE}<div class="split" tabindex="0" role="region" aria-label="{escape(caption)}"><table><tbody>'
        f"{rows}{last}</tbody></table></div>"
    )


def _row(part: Part, zero: float, span: int) -> str:
    length = 100 * abs(part.size) / span
    start = zero if part.size >= 0 else zero - length
    kind = "more" if part.size >= 0 else "less"
    bar = f'<div class="fill {kind}" style="left:{start:.2f}%;width:{length:.2f}%"></div>' if part.size else ""
    name = escape(part.name)
    return (
        f'<tr><th scope="row" title="{name}">{name}</th><td class="bar"><div class="track">{bar}</div></td>'
        f'<td class="amount">{escape(part.amount)}</td></tr>'
    )
