"""Letters for the PDF: the reader's own font where it has them all, else the one that comes with the pages, cut down to the text."""

from functools import lru_cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

# What every PDF reader can draw by itself (Helvetica, in Windows' western code page).
READERS_CODE_PAGE = "cp1252"
REGULAR, BOLD = 400, 700
# What belongs to writing systems and styles that a bank's document does without.
_UNNEEDED = ("GSUB", "GPOS", "GDEF", "STAT")


def is_western(text: str) -> bool:
    """Whether every reader draws this text without a font of ours."""
    try:
        text.encode(READERS_CODE_PAGE)
    except UnicodeEncodeError:
        return False
    return True


def font_file() -> Path | None:
    """The font of the pages (Source Sans: Latin, Greek, Cyrillic); None where that package brings none any more."""
    found = find_spec("streamlit")
    if found is None or found.origin is None:
        return None
    return next(Path(found.origin).parent.rglob("SourceSansVF-Upright*.woff2"), None)


@lru_cache(maxsize=1)
def letters() -> frozenset[int]:
    """The code points that the pages' font draws; none when it is not there."""
    path = font_file()
    if path is None:
        return frozenset()
    with TTFont(path, lazy=True) as font:
        return frozenset(font.getBestCmap())


@lru_cache(maxsize=16)
def cut(text_letters: frozenset[int]) -> tuple[bytes, bytes]:
    """The pages' font with these letters alone as TrueType, regular and bold; the same bytes for the same letters."""
    path = font_file()
    assert path is not None, "nothing is cut from a font that is not there: see `letters`"
    small = BytesIO()
    with TTFont(path, recalcTimestamp=False) as font:
        options = subset.Options(layout_features=[], hinting=False, notdef_outline=True)
        options.drop_tables += _UNNEEDED
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=sorted(text_letters))
        cutter.subset(font)
        font.flavor = None
        font.save(small)
    return _in_weight(small.getvalue(), REGULAR), _in_weight(small.getvalue(), BOLD)


def _in_weight(variable: bytes, weight: int) -> bytes:
    made = BytesIO()
    with TTFont(BytesIO(variable), recalcTimestamp=False) as font:
        instantiateVariableFont(font, {"wght": weight}).save(made)
    return made.getvalue()


def drawable(text: str, known: frozenset[int] | None) -> str:
    """The text with each letter that cannot be drawn written as its code point (U+5F35), so that nothing vanishes silently.

    `known` are the code points of the font; None stands for the reader's own, which draws the western code page.
    """
    if known is None:
        return "".join(letter if is_western(letter) else f"U+{ord(letter):04X} " for letter in text)
    return "".join(letter if ord(letter) in known or letter == "\n" else f"U+{ord(letter):04X} " for letter in text)
