"""Lays the evidence out as a PDF of few pages that a person at a bank can read: the same holdings give the same bytes."""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, TableCellFillMode, XPos, YPos
from fpdf.fonts import FontFace

from billing import evidence_fonts as fonts
from billing.evidence import Evidence
from billing.evidence_document import Section, Table, sections
from billing.evidence_facts import TIME, Holdings

# Stripe takes fewer than 50 pages and 4.5 MB, Mastercard 19 pages: one limit for all networks.
PAGES_MAX = 19
BYTES_MAX = 4_500_000
# How many days of the log are shown: the most with which the document fits.
USAGE_ROWS = (450, 300, 150, 50, 0)
MARGIN_MM, LINE_MM = 18, 4.8
GRAY, RULE, INK, BAND = (110, 110, 110), (205, 205, 205), (25, 25, 25), (246, 246, 246)
OWN_FONT = "Evidence"
LACKING = "Letters that the font of this document does not have are written as their code point (U+ and a number)."


class EvidenceTooLong(Exception):
    """The document does not fit into what the card networks take, even without the days of use; the sentence has the sizes."""


class _Paper(FPDF):
    """A4 with the dispute's name and the page's number at the foot of each page. `known` are the letters it can draw."""

    def __init__(self, foot: str, text: str, folder: Path) -> None:
        super().__init__(format="A4", unit="mm")
        self.foot = foot
        self.set_margins(MARGIN_MM, MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 4)
        self.known: frozenset[int] | None = None
        if not fonts.is_western(text) and fonts.letters():
            self.known = fonts.letters()
            drawn = frozenset(map(ord, fonts.drawable(text + foot + LACKING, self.known) + "0123456789 Pageof"))
            for style, font in zip(("", "B"), fonts.cut(drawn & self.known), strict=True):
                path = folder / f"evidence{style}.ttf"
                path.write_bytes(font)
                self.add_font(OWN_FONT, style, path)

    def ink(self, size: float, *, is_bold: bool = False, color: tuple[int, int, int] = INK) -> None:
        """What is written next is of this size and color."""
        self.set_font("Helvetica" if self.known is None else OWN_FONT, "B" if is_bold else "", size)
        self.set_text_color(*color)

    def write_line(self, text: str, height: float = LINE_MM) -> None:
        """A paragraph from margin to margin."""
        drawable = fonts.drawable(text, self.known)
        self.multi_cell(0, height, drawable, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def footer(self) -> None:
        """The library calls this at the end of each page."""
        self.set_y(-MARGIN_MM + 4)
        self.ink(8, color=GRAY)
        self.cell(0, 5, f"{self.foot}    Page {self.page_no()} of {{nb}}", align="R")


def evidence_pdf(holdings: Holdings, evidence: Evidence) -> bytes:
    """The document, dated `holdings.as_of`, of at most PAGES_MAX pages and BYTES_MAX bytes.

    It shows as many days of the log as fit and says how many it leaves out. A letter that the fonts do not have is written as its
    code point. Raises EvidenceTooLong.
    """
    pages, made = 0, b""
    for usage_rows in dict.fromkeys(min(rows, len(holdings.usage)) for rows in USAGE_ROWS):
        pages, made = _laid_out(holdings, sections(holdings, evidence, usage_rows=usage_rows))
        if pages <= PAGES_MAX and len(made) <= BYTES_MAX:
            return made
    raise EvidenceTooLong(
        f"The document has {pages} pages and {len(made):,} bytes; {PAGES_MAX} pages and {BYTES_MAX:,} bytes are taken."
    )


def _laid_out(holdings: Holdings, parts: Sequence[Section]) -> tuple[int, bytes]:
    title, foot = f"Evidence in dispute {holdings.dispute.dispute_id}", holdings.dispute.dispute_id
    as_of = f"From our records as of {holdings.as_of.strftime(TIME)}"
    text = "".join([title, as_of, *map(_text, parts)])
    with TemporaryDirectory() as folder:
        paper = _Paper(foot, text, Path(folder))
        paper.set_title(title)
        paper.set_creator("Metering")
        paper.set_creation_date(holdings.as_of)
        paper.add_page()
        paper.ink(18, is_bold=True)
        paper.write_line(title, 9)
        paper.ink(9, color=GRAY)
        paper.write_line(as_of)
        if fonts.drawable(text, paper.known) != text:
            paper.write_line(LACKING)
        for part in parts:
            _draw(paper, part)
        return paper.page_no(), bytes(paper.output())


def _text(part: Section) -> str:
    """All that a section says, to know its letters."""
    table = part.table
    cells = (
        []
        if table is None
        else [column.name for column in table.columns] + [cell for row in table.rows for cell in row]
    )
    facts = [word for fact in part.facts for word in fact]
    return "".join([part.title, *facts, *part.paragraphs, *cells, *((table and table.total) or ()), part.note])


def _draw(paper: _Paper, part: Section) -> None:
    # A heading is not left alone at the foot of a page.
    if paper.will_page_break(28):
        paper.add_page()
    paper.ln(5)
    paper.ink(12, is_bold=True)
    paper.write_line(part.title, 6.5)
    paper.ln(1)
    paper.ink(9.5)
    if part.facts:
        _draw_facts(paper, part.facts)
    for paragraph in part.paragraphs:
        paper.write_line(paragraph)
        paper.ln(1.2)
    if part.table is not None:
        paper.ln(1.5)
        _draw_table(paper, part.table)
    if part.note:
        paper.ln(1.5)
        paper.ink(8, color=GRAY)
        paper.write_line(part.note, 4)


def _draw_facts(paper: _Paper, facts: Sequence[tuple[str, str]]) -> None:
    with paper.table(
        first_row_as_headings=False,
        borders_layout=TableBordersLayout.NONE,
        col_widths=(26, 74),
        line_height=LINE_MM,
        text_align="L",
        v_align="TOP",
        padding=(0.4, 1, 0.4, 0),
    ) as table:
        for name, value in facts:
            row = table.row()
            row.cell(name, style=FontFace(color=GRAY))
            row.cell(fonts.drawable(value, paper.known))


def _draw_table(paper: _Paper, content: Table) -> None:
    paper.ink(8.5)
    paper.set_draw_color(*RULE)
    with paper.table(
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        cell_fill_color=BAND,
        cell_fill_mode=TableCellFillMode.EVEN_ROWS,
        col_widths=tuple(column.share for column in content.columns),
        headings_style=FontFace(emphasis="BOLD", fill_color=(255, 255, 255)),
        line_height=4.2,
        text_align=tuple("RIGHT" if column.is_number else "LEFT" for column in content.columns),
        padding=(0.6, 1),
    ) as table:
        table.row([column.name for column in content.columns])
        for cells in content.rows:
            table.row([fonts.drawable(cell, paper.known) for cell in cells])
        if content.total is not None:
            table.row(list(content.total), style=FontFace(emphasis="BOLD"))
