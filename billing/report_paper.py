"""One sheet of A4 for a report: texts, cards and charts placed by points from its upper left corner, the same bytes for the same marks."""

from collections.abc import Sequence
from pathlib import Path as File

from fpdf import FPDF
from fpdf.enums import Align, MethodReturnValue, XPos, YPos

from billing import evidence_fonts as fonts
from billing.report_drawing import Area, Bar, Dot, Drawing, Label, Path, Tone

Color = tuple[int, int, int]
INK, GRAY, RULE, FAINT = (22, 24, 29), (91, 100, 114), (228, 231, 236), (246, 247, 249)
GOOD, BAD = (11, 110, 75), (180, 35, 24)
# Okabe-Ito derived, told apart under every kind of color blindness; a word always stands beside a color.
TONES: dict[Tone, Color] = {
    "revenue": (79, 70, 229), "cost": (230, 159, 0), "profit": (15, 157, 138), "healthy": (15, 157, 138), "watch": (86, 180, 233),
    "at_risk": (230, 159, 0), "negative": (209, 66, 47), "unknown": (138, 147, 163), "grid": RULE, "muted": GRAY, "ink": INK,
    "band": (207, 235, 231),
}  # fmt: skip
WIDTH, HEIGHT, MARGIN = 595.28, 841.89, 40.0
INNER = WIDTH - 2 * MARGIN
OWN_FONT = "Report"


class Paper(FPDF):
    """A sheet without automatic breaks. `text` is all that will stand on it, so that the font can be cut down to its letters."""

    def __init__(self, text: str, folder: File) -> None:
        super().__init__(format="A4", unit="pt")
        self.set_margins(MARGIN, MARGIN, MARGIN)
        self.set_auto_page_break(auto=False)
        self.c_margin = 0
        self.known: frozenset[int] | None = None
        if fonts.letters():
            self.known = fonts.letters()
            drawn = frozenset(map(ord, fonts.drawable(text, self.known))) | frozenset(map(ord, "0123456789 U+ABCDEF"))
            for style, font in zip(("", "B"), fonts.cut(drawn & self.known), strict=True):
                path = folder / f"report{style}.ttf"
                path.write_bytes(font)
                self.add_font(OWN_FONT, style, path)
        self.add_page()

    def _ink(self, size: float, color: Color, *, is_bold: bool) -> None:
        self.set_font(OWN_FONT if self.known is not None else "Helvetica", "B" if is_bold else "", size)
        self.set_text_color(*color)

    def write_at(
        self, x: float, y: float, words: str, size: float = 8.5, color: Color = INK, *, is_bold: bool = False,
        anchor: str = "start", width: float | None = None,
    ) -> float:  # fmt: skip
        """One line on the base line `y`, cut with an ellipsis at `width`; returns how wide it is."""
        self._ink(size, color, is_bold=is_bold)
        shown = fonts.drawable(words, self.known)
        if width is not None and self.get_string_width(shown) > width:
            while shown and self.get_string_width(f"{shown}\u2026") > width:
                shown = shown[:-1]
            shown = f"{shown.rstrip()}\u2026"
        wide = float(self.get_string_width(shown))
        self.text(x - {"start": 0.0, "middle": wide / 2, "end": wide}[anchor], y, shown)
        return wide

    def write_block(
        self,
        x: float,
        y: float,
        width: float,
        words: str,
        size: float = 8.5,
        color: Color = INK,
        *,
        leading: float = 1.38,
    ) -> float:
        """A paragraph from the top `y`; returns where it ends."""
        self._ink(size, color, is_bold=False)
        self.set_xy(x, y)
        self.multi_cell(
            width, size * leading, fonts.drawable(words, self.known), align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )
        return float(self.get_y())

    def fitting(self, words: str, width: float, height: float, sizes: Sequence[float], *, leading: float) -> float:
        """The largest of the sizes at which a paragraph is no higher than that; the smallest where none is."""
        for size in sizes:
            self._ink(size, INK, is_bold=False)
            shown = fonts.drawable(words, self.known)
            high = self.multi_cell(
                width, size * leading, shown, align=Align.L, dry_run=True, output=MethodReturnValue.HEIGHT
            )
            assert isinstance(high, int | float), "the height alone was asked for"
            if high <= height:
                return size
        return sizes[-1]

    def card(self, x: float, y: float, width: float, height: float) -> None:
        """A hairline border with round corners."""
        self.set_draw_color(*RULE)
        self.set_line_width(0.6)
        self.rect(x, y, width, height, round_corners=True, corner_radius=5)

    def line_at(self, y: float, x: float = MARGIN, width: float = INNER) -> None:
        """A hairline."""
        self.set_draw_color(*RULE)
        self.set_line_width(0.5)
        self.line(x, y, x + width, y)

    def place(self, drawing: Drawing, x: float, y: float) -> None:
        """The drawing with its upper left corner at a point."""
        for mark in drawing.marks:
            if isinstance(mark, Bar):
                self.set_fill_color(*TONES[mark.tone])
                self.rect(x + mark.x, y + mark.y, mark.width, mark.height, style="F")
            elif isinstance(mark, Path):
                self._path(mark, x, y)
            elif isinstance(mark, Area):
                self.set_fill_color(*TONES[mark.tone])
                self.polygon(_moved(mark.points, x, y), style="F")
            elif isinstance(mark, Dot):
                self.set_fill_color(*TONES[mark.tone])
                self.circle(x + mark.x, y + mark.y, mark.radius, style="F")
            else:
                self._label(mark, x, y)

    def _path(self, mark: Path, x: float, y: float) -> None:
        self.set_draw_color(*TONES[mark.tone])
        self.set_line_width(mark.width)
        if mark.is_dashed:
            self.set_dash_pattern(dash=2, gap=2)
        self.polyline(_moved(mark.points, x, y))
        self.set_dash_pattern()

    def _label(self, mark: Label, x: float, y: float) -> None:
        self.write_at(
            x + mark.x, y + mark.y, mark.text, mark.size, TONES[mark.tone], is_bold=mark.is_bold, anchor=mark.anchor
        )


def _moved(points: Sequence[tuple[float, float]], x: float, y: float) -> list[tuple[float, float]]:
    return [(x + across, y + down) for across, down in points]
