"""Style rules by which figures that are drawn follow a theme switch.

Streamlit puts the theme's colors in the place of a figure's placeholders once, when it is first drawn: after a switch, by the menu or
by the system, only text and grid of Plotly's template change. These rules give each drawn color its counterpart.
"""

from collections.abc import Iterable, Sequence

Pair = tuple[str, str]
# Streamlit's own colors of strong and of muted text in figures, light and dark.
TEXT: tuple[Pair, ...] = (("#262730", "#FAFAFA"), ("#808495", "#E6EAF1"))
_ROOT = ".js-plotly-plot "


def rules(light: Sequence[str], dark: Sequence[str]) -> str:
    """CSS for the theme's series colors (`#RRGGBB`), light and dark in the same order, and for text."""
    series = list(zip(light, dark, strict=True))
    # The dark theme's muted text is the light one's grid: only what is filled is text.
    return "\n".join(
        [*_rules("fill", [*series, *TEXT]), *_rules("stroke", series), *_key_rules([*series, *TEXT])],
    )


def _rules(attribute: str, pairs: Iterable[Pair]) -> list[str]:
    return [
        f'{_ROOT}[style*="{attribute}: {_rgb(one)}"],{_ROOT}[style*="{attribute}: {_rgb(other)}"]'
        f"{{{attribute}:light-dark({one},{other})!important}}"
        for one, other in pairs
    ]


def _key_rules(pairs: Iterable[Pair]) -> list[str]:
    """A color inside an annotation's text is written as it was given."""
    return [
        f'{_ROOT}tspan[style*="fill:{one}"],{_ROOT}tspan[style*="fill:{other}"]{{fill:light-dark({one},{other})!important}}'
        for one, other in pairs
    ]


def _rgb(color: str) -> str:
    """As the browser writes it into a style: rgb(79, 70, 229)."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgb({red}, {green}, {blue})"
