"""A report as HTML without scripts: the article that the shared link and the preview show, and its style sheet."""

from functools import cache
from pathlib import Path as File

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from billing import report_words as words
from billing.report_drawing import (
    Area,
    Bar,
    Dot,
    Drawing,
    Mark,
    Path,
    legend,
    margin_trend,
    revenue_and_cost,
    sparkline,
    status_bar,
    statuses,
)
from billing.report_texts import TITLE, customer_cells, heading, questions, shown_customers, tiles
from pricing.report_view import View

TEMPLATES = File(__file__).parent / "report_templates"
DELTA_TONES = {True: "good", False: "bad", None: ""}
NUMBER_COLUMNS = (2, 3, 4)


@cache
def style_sheet() -> str:
    """The styles of the article and of the pages around it; one text, so that a policy can name its hash."""
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")


_html = Environment(
    loader=PackageLoader("billing", "report_templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def article(shown: View) -> Markup:
    """The report for this reader; every name in it is text."""
    titles, rows = customer_cells(shown)
    chosen, left_out = shown_customers(shown)
    left, right = heading(shown)
    spent = [None if month.margin is None else 1 - month.margin for month in shown.trend]
    made = _html.get_template("article.html").render(
        shown=shown,
        title=TITLE,
        month=words.month(shown.month),
        left=left,
        right=right,
        redaction=words.REDACTION_WORDS[shown.redaction],
        verdict=words.verdict(shown),
        questions=questions(shown),
        tones=DELTA_TONES,
        small=[
            svg(sparkline([month.margin for month in shown.trend], 220, 24)),
            svg(status_bar(shown, 220, 9)),
            svg(sparkline(spent, 220, 24)),
        ],
        statuses=statuses(shown),
        margin=svg(margin_trend(shown, 400, 170)),
        amounts_title="LLM cost" if shown.amounts is None else "Revenue and LLM cost",
        legend=legend(shown),
        amounts=svg(revenue_and_cost(shown, 400, 170)),
        tiles=tiles(shown),
        left_out=left_out,
        titles=titles,
        numbers=NUMBER_COLUMNS,
        rows=[(cells, svg(sparkline(row.history))) for cells, row in zip(rows, chosen, strict=True)],
        mrr=words.mrr_sentence(shown),
        definitions=words.definitions_words(shown),
        confidence=words.confidence_sentence(shown),
        changes=words.revision_sentence(shown),
    )  # fmt: skip
    return Markup(made)  # noqa: S704 - the template escapes by itself


def document(shown: View) -> str:
    """The article as a page of its own, for a preview in a frame."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(TITLE)}</title><style>{style_sheet()}</style></head><body>{article(shown)}</body></html>"
    )


def svg(drawing: Drawing) -> Markup:
    """The drawing with its words for who does not see it. Colors come from the style sheet's classes, never from attributes."""
    marks = "".join(_mark(mark) for mark in drawing.marks)
    return Markup(  # noqa: S704 - numbers of our own; every text in it is escaped
        f'<svg viewBox="0 0 {drawing.width:g} {drawing.height:g}" role="img" aria-label="{escape(drawing.words)}">{marks}</svg>'
    )


def _mark(mark: Mark) -> str:
    if isinstance(mark, Bar):
        return (
            f'<rect x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.width:.2f}" height="{mark.height:.2f}" rx="1" '
            f'class="t-{mark.tone}"/>'
        )
    if isinstance(mark, Path):
        dash = ' stroke-dasharray="2 2"' if mark.is_dashed else ""
        return (
            f'<polyline points="{_points(mark.points)}" fill="none" class="l-{mark.tone}" stroke-width="{mark.width:g}" '
            f'stroke-linejoin="round" stroke-linecap="round"{dash}/>'
        )
    if isinstance(mark, Area):
        return f'<polygon points="{_points(mark.points)}" class="t-{mark.tone}"/>'
    if isinstance(mark, Dot):
        return f'<circle cx="{mark.x:.2f}" cy="{mark.y:.2f}" r="{mark.radius:g}" class="t-{mark.tone}"/>'
    weight = ' font-weight="600"' if mark.is_bold else ""
    # Letters on a screen are read from farther away than on paper.
    return (
        f'<text x="{mark.x:.2f}" y="{mark.y:.2f}" font-size="{mark.size + 3:g}" text-anchor="{mark.anchor}" '
        f'class="t-{mark.tone}"{weight}>{escape(mark.text)}</text>'
    )


def _points(points: tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{x:.2f},{y:.2f}" for x, y in points)
