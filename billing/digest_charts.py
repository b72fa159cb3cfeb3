"""The chart of an alert as a picture that travels inside the mail: days as bars, what was expected as a band, on no ground of its own."""

from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

import resvg_py

from billing import evidence_fonts
from billing.digest_words import amount, short_amount, short_day
from pricing.alert_explanation import ChartDay
from pricing.finding import Unit

# Points of the mail's column; the picture has twice as many pixels, for sharp screens.
WIDTH, HEIGHT, SHARPNESS = 536, 178, 2
MOST_DAYS = 30
FAMILY = "SourceSans3VF"
# In the middle between black and white, so that they show on a white page and on a dark one.
INK, USUAL, UNUSUAL, BAND = "#7d8799", "#8d90ee", "#e0503f", "#8f9bb0"
_TOP, _BOTTOM, _SIZE = 32.0, 148.0, 19
_WIDE_LETTER = 10.2  # at that size, so that words are kept apart

_Scale = Callable[[int], float]


def can_draw(days: Sequence[ChartDay]) -> bool:
    """Whether there is anything to show: two days with an amount."""
    return sum(day.actual is not None for day in _last(days)) > 1


def picture(days: Sequence[ChartDay], unit: Unit, currency: str) -> bytes:
    """The last thirty days as PNG on a transparent ground, where `can_draw` says that there is something."""
    return _png(svg(days, unit, currency))


def words(days: Sequence[ChartDay], unit: Unit, currency: str) -> str:
    """What the picture shows, for who does not see it: its ends, and the unusual days with what was expected of them."""
    shown = _last(days)
    unusual = [
        f"{short_day(day.day)} {amount(day.actual, unit, currency)}"
        + ("" if day.expected is None else f" (expected {amount(day.expected, unit, currency)})")
        for day in shown
        if day.is_found
    ]
    ends = f"{short_day(shown[0].day)} to {short_day(shown[-1].day)}"
    return f"By day from {ends}. Unusual: {'; '.join(unusual[-3:]) or 'none of them'}."


def svg(days: Sequence[ChartDay], unit: Unit, currency: str) -> str:
    """The picture as marks; its words are drawn with the one font that comes along."""
    shown = _last(days)
    values = [value for day in shown for value in (day.actual, day.upper) if value is not None]
    most, least = max(0, *values), min(0, *values)
    slot = WIDTH / len(shown)

    def y(value: int) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * ((value - least) / max(1, most - least))

    marks = [*_band(shown, slot, y), *_bars(shown, slot, y)]
    marks.append(f'<path d="M0 {y(0):.1f}H{WIDTH}" stroke="{INK}" stroke-opacity=".7"/>')
    marks += _labels(shown, slot, y, unit, currency)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="{FAMILY}" font-size="{_SIZE}" fill="{INK}">{"".join(marks)}</svg>'
    )


def _last(days: Sequence[ChartDay]) -> Sequence[ChartDay]:
    return sorted(days, key=lambda day: day.day)[-MOST_DAYS:]


def _bars(days: Sequence[ChartDay], slot: float, y: _Scale) -> list[str]:
    marks = []
    for place, day in enumerate(days):
        if day.actual is not None:
            top, bottom = sorted((y(day.actual), y(0)))
            marks.append(
                f'<rect x="{(place + 0.15) * slot:.1f}" y="{top:.1f}" width="{slot * 0.7:.1f}" '
                f'height="{max(1.0, bottom - top):.1f}" rx="2" fill="{UNUSUAL if day.is_found else USUAL}"/>'
            )
    return marks


def _band(days: Sequence[ChartDay], slot: float, y: _Scale) -> list[str]:
    """Lower to upper as an area, the expected as a dashed line; where there is no history there is neither."""
    marks = []
    placed = list(enumerate(days))
    for is_known, run in groupby(placed, lambda each: each[1].lower is not None and each[1].upper is not None):
        if is_known:
            steps = list(run)
            up = "".join(f"L{p * slot:.1f} {y(d.upper or 0):.1f}H{(p + 1) * slot:.1f}" for p, d in steps)
            down = "".join(f"L{(p + 1) * slot:.1f} {y(d.lower or 0):.1f}H{p * slot:.1f}" for p, d in reversed(steps))
            marks.append(f'<path d="M{up[1:]}{down}Z" fill="{BAND}" fill-opacity=".3"/>')
    for is_known, run in groupby(placed, lambda each: each[1].expected is not None):
        if is_known:
            line = "".join(f"L{p * slot:.1f} {y(d.expected or 0):.1f}H{(p + 1) * slot:.1f}" for p, d in run)
            marks.append(
                f'<path d="M{line[1:]}" fill="none" stroke="{INK}" stroke-width="1.5" stroke-dasharray="5 4"/>'
            )
    return marks


def _labels(days: Sequence[ChartDay], slot: float, y: _Scale, unit: Unit, currency: str) -> list[str]:
    """The ends of the axis, the largest unusual day's amount, and what was expected of it on the other side."""
    marks = [_text(0, HEIGHT - 6, short_day(days[0].day)), _text(WIDTH, HEIGHT - 6, short_day(days[-1].day), "end")]
    found = [
        (abs(day.actual or 0), place, day) for place, day in enumerate(days) if day.is_found and day.actual is not None
    ]
    if not found:
        return marks
    _, place, day = max(found, key=lambda each: each[:2])
    middle = (place + 0.5) * slot
    is_right = middle > WIDTH / 2
    said = short_amount(day.actual, unit, currency)
    reach = len(said) * _WIDE_LETTER / 2
    x = min(max(middle, reach), WIDTH - reach)
    marks.append(_text(x, max(_SIZE, y(max(0, day.actual or 0)) - 7), said, "middle", weight=700))
    if day.expected is not None:
        expected = f"expected {short_amount(day.expected, unit, currency)}"
        marks.append(_text(0 if is_right else WIDTH, _SIZE, expected, "start" if is_right else "end"))
    return marks


def _text(x: float, y: float, said: str, anchor: str = "start", weight: int = 400) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{escape(said)}</text>'


def _png(drawn: str) -> bytes:
    # The font that the pages bring along, cut down; a machine need not have any of its own.
    if evidence_fonts.font_file() is None:
        return resvg_py.svg_to_bytes(svg_string=drawn, zoom=SHARPNESS)
    with TemporaryDirectory() as folder:
        files = []
        for name, content in zip(("regular", "bold"), evidence_fonts.cut(LETTERS), strict=True):
            files.append(str(Path(folder, f"{name}.ttf")))
            Path(files[-1]).write_bytes(content)
        return resvg_py.svg_to_bytes(
            svg_string=drawn, zoom=SHARPNESS, skip_system_fonts=True, font_files=files, font_family=FAMILY
        )


# What amounts and days are written with; the same for each picture, so that the font is cut once.
LETTERS = frozenset(
    map(ord, " ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,%+-()$€£¥₹\u2212\u2014\u00d7")
)
