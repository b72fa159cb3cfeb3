"""Lays a report out on one page of A4: the same snapshot, seen by the same reader, gives the same bytes."""

from collections.abc import Callable, Sequence
from datetime import UTC
from pathlib import Path
from tempfile import TemporaryDirectory

from billing import report_words as words
from billing.report_drawing import legend, margin_trend, revenue_and_cost, sparkline, status_bar, statuses
from billing.report_paper import BAD, FAINT, GOOD, GRAY, HEIGHT, INK, INNER, MARGIN, TONES, WIDTH, Color, Paper
from billing.report_texts import TITLE, customer_cells, heading, questions, shown_customers, tiles
from pricing.report_view import View, ViewCustomer

# What every page may show besides its own words: the labels that the charts write.
CHART_LETTERS = "0123456789.,%-+ ?ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz$\u20ac\u00a3\u00a5\u20b9\u2212\u2014\u2013\u2009\u00d7\u00f7\u03a3\u00b7\u2026\u2192\u2019:/()="
FOOT = "Content SHA-256"
FOOT_HEIGHT, DEFINITION_SIZES = 42.0, (6.4, 6.0, 5.6, 5.2, 4.8, 4.4)


def report_pdf(shown: View) -> bytes:
    """The page. Its properties name the content's hash, so that a file can be checked against the snapshot."""
    with TemporaryDirectory() as folder:
        paper = Paper(_letters(shown), Path(folder))
        paper.set_title(f"{TITLE}, {words.month(shown.month)}, {shown.tenant_name}")
        paper.set_creator("Metering")
        paper.set_keywords(f"content-sha256:{shown.content_hash or 'preview'} redaction:{shown.redaction}")
        paper.set_creation_date(shown.locked_at or shown.as_of.replace(tzinfo=UTC))
        y = _head(paper, shown)
        y = _questions(paper, shown, y + 10)
        y = _charts(paper, shown, y + 16)
        y = _tiles(paper, shown, y + 12)
        y = _customers(paper, shown, y + 18)
        y = _sentences(paper, shown, y + 10)
        _definitions(paper, shown, y + 10)
        _foot(paper, shown)
        return bytes(paper.output())


def _letters(shown: View) -> str:
    texts = [
        CHART_LETTERS,
        TITLE,
        FOOT,
        shown.tenant_name,
        shown.content_hash or "",
        *heading(shown),
        words.verdict(shown),
    ]
    texts += [words.revision_sentence(shown), words.confidence_sentence(shown)]
    texts += [text for definition in words.definitions_words(shown) for text in definition]
    texts.append(words.mrr_sentence(shown) or "")
    texts += [text for row in shown_customers(shown)[0] for text in (row.name, row.plan or "")]
    return "".join(texts)


def _head(paper: Paper, shown: View) -> float:
    y = MARGIN + 8
    paper.write_at(MARGIN, y, f"{TITLE}, {words.month(shown.month)}", 18, is_bold=True)
    left, right = heading(shown)
    if shown.redaction != "all":
        badge = words.REDACTION_WORDS[shown.redaction]
        paper.write_at(WIDTH - MARGIN, y, badge, 8, TONES["revenue"], is_bold=True, anchor="end")
    paper.write_at(MARGIN, y + 14, left, 8.5, GRAY)
    paper.write_at(WIDTH - MARGIN, y + 14, right, 8.5, GRAY, anchor="end")
    return paper.write_block(MARGIN, y + 22, INNER, words.verdict(shown), 10.5)


def _questions(paper: Paper, shown: View, y: float) -> float:
    gap, height = 10.0, 86.0
    width = (INNER - 2 * gap) / 3
    extras: tuple[Callable[[float, float], None], ...] = (
        lambda x, top: paper.place(sparkline([each.margin for each in shown.trend], width - 20, 20), x, top),
        lambda x, top: _status(paper, shown, x, top, width - 20),
        lambda x, top: paper.place(
            sparkline([None if each.margin is None else 1 - each.margin for each in shown.trend], width - 20, 20),
            x,
            top,
        ),
    )
    for place, (question, draw) in enumerate(zip(questions(shown), extras, strict=True)):
        x = MARGIN + place * (width + gap)
        paper.card(x, y, width, height)
        paper.write_at(x + 10, y + 15, question.asked, 8, GRAY, width=width - 20)
        wide = paper.write_at(x + 10, y + 36, question.answer, 19, is_bold=True)
        if question.delta:
            color: Color = GRAY if question.is_good is None else GOOD if question.is_good else BAD
            paper.write_at(x + 16 + wide, y + 36, question.delta, 8, color, is_bold=True, width=width - 30 - wide)
        paper.write_at(x + 10, y + 49, question.more, 7.5, GRAY, width=width - 20)
        draw(x + 10, y + 58)
    return y + height


def _status(paper: Paper, shown: View, x: float, y: float, width: float) -> None:
    paper.place(status_bar(shown, width, 7), x, y)
    across = x
    for name, count, tone in statuses(shown):
        paper.set_fill_color(*TONES[tone])
        paper.circle(across + 2, y + 15, 1.8, style="F")
        across += 7 + paper.write_at(across + 6, y + 17.4, f"{count} {name}", 6.6, GRAY) + 4


def _charts(paper: Paper, shown: View, y: float) -> float:
    gap = 24.0
    width = (INNER - gap) / 2
    paper.write_at(MARGIN, y, "Gross margin, 12 months", 9.5, is_bold=True)
    paper.write_at(MARGIN + width, y, "shaded: range of unpriced usage", 7, GRAY, anchor="end")
    x = MARGIN + width + gap
    paper.write_at(x, y, "LLM cost" if shown.amounts is None else "Revenue and LLM cost", 9.5, is_bold=True)
    across = WIDTH - MARGIN
    for name, tone in reversed(legend(shown)):
        across -= paper.write_at(across, y, name, 7, GRAY, anchor="end") + 7
        paper.set_fill_color(*TONES[tone])
        paper.rect(across, y - 5, 5, 5, style="F")
        across -= 8
    paper.place(margin_trend(shown, width, 116), MARGIN, y + 6)
    paper.place(revenue_and_cost(shown, width, 116), x, y + 6)
    return y + 122


def _tiles(paper: Paper, shown: View, y: float) -> float:
    found = tiles(shown)
    per_row = 6 if len(found) > 5 else max(1, len(found))
    width, height = INNER / per_row, 30.0
    rows = [found[start : start + per_row] for start in range(0, len(found), per_row)]
    for number, row in enumerate(rows):
        top = y + number * height
        paper.line_at(top)
        for place, tile in enumerate(row):
            x = MARGIN + place * width
            paper.write_at(x, top + 10, tile.name, 7, GRAY, width=width - 6)
            wide = paper.write_at(x, top + 22, tile.value, 11, is_bold=True)
            paper.write_at(x + wide + 4, top + 22, tile.delta, 6.8, GRAY, width=width - wide - 8)
    return y + len(rows) * height


def _customers(paper: Paper, shown: View, y: float) -> float:
    titles, rows = customer_cells(shown)
    starts = [0.0, 142.0, 240.0, 304.0, 358.0, 386.0, 456.0]
    ends = [134.0, 212.0, 272.0, 332.0, 380.0, 450.0, INNER]
    chosen, left_out = shown_customers(shown)
    paper.write_at(MARGIN, y, "Customers", 9.5, is_bold=True)
    paper.write_at(WIDTH - MARGIN, y, left_out, 7, GRAY, anchor="end")
    y += 12
    for title, start, end, is_number in zip(titles, starts, ends, _NUMBERS, strict=True):
        paper.write_at(
            MARGIN + (end if is_number else start), y, title, 7, GRAY, anchor="end" if is_number else "start"
        )
    paper.line_at(y + 3)
    for row, cells in zip(chosen, rows, strict=True):
        y += 12.8
        _customer(paper, row, cells, y, starts, ends)
    return y + 4


_NUMBERS = (False, False, True, True, True, False, False)


def _customer(
    paper: Paper, row: ViewCustomer, cells: Sequence[str], y: float, starts: Sequence[float], ends: Sequence[float]
) -> None:
    if row.status == "negative":
        paper.set_fill_color(*FAINT)
        paper.rect(MARGIN - 3, y - 8.6, INNER + 6, 12, style="F")
    for cell, start, end, is_number in zip(cells, starts, ends, _NUMBERS, strict=True):
        at = MARGIN + (end if is_number else start)
        color = BAD if cell == "negative" else INK
        paper.write_at(
            at, y, cell, 8, color, anchor="end" if is_number else "start", width=end - start if not is_number else None
        )
    paper.place(sparkline(row.history, 60, 10), MARGIN + starts[5], y - 8)


def _sentences(paper: Paper, shown: View, y: float) -> float:
    paper.line_at(y)
    notes = [("Confidence", words.confidence_sentence(shown)), ("Changes", words.revision_sentence(shown))]
    moved = words.mrr_sentence(shown)
    for title, text in [("MRR", moved), *notes] if moved else notes:
        paper.write_at(MARGIN, y + 13, title, 8, is_bold=True)
        y = max(y + 16, paper.write_block(MARGIN + 62, y + 5.4, INNER - 62, text, 7.8))
    return y


def _definitions(paper: Paper, shown: View, y: float) -> None:
    paper.line_at(y)
    said = " \u00b7 ".join(f"{name} = {formula}" for name, formula in words.definitions_words(shown))
    paper.write_at(MARGIN, y + 13, "Definitions", 8, is_bold=True)
    paper.write_at(MARGIN, y + 22, f"version {shown.definitions_version}", 6.8, GRAY)
    # What changed may take several lines; the formulas then stand smaller, never over the foot.
    size = paper.fitting(f"{said}.", INNER - 62, HEIGHT - FOOT_HEIGHT - y - 6, DEFINITION_SIZES, leading=1.3)
    paper.write_block(MARGIN + 62, y + 6, INNER - 62, f"{said}.", size, GRAY, leading=1.3)


def _foot(paper: Paper, shown: View) -> None:
    y = HEIGHT - 28
    paper.line_at(y - 10)
    hashed = shown.content_hash or "none: a preview that nobody has locked"
    paper.write_at(MARGIN, y, f"{FOOT} {hashed}", 6.4, GRAY)
    paper.write_at(
        WIDTH - MARGIN,
        y,
        f"{shown.tenant_name} \u00b7 Confidential \u00b7 Page 1 of 1",
        6.4,
        GRAY,
        anchor="end",
        width=150,
    )
