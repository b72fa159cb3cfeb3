"""What every page wears: the few style rules, the header row, the freshness line and the empty states."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from dashboard import theme_switch, wording

# Streamlit's theme covers the rest (.streamlit/config.toml). Rules hang on keys and test ids, never on generated classes.
STYLE = """
<style>
[data-testid="stMainBlockContainer"]{max-width:1240px}
[data-testid="stMetric"],[class*="st-key-card_"]{border-radius:.75rem}
[class*="st-key-card_"] h3{padding:0 0 .1rem}
[class*="st-key-card_"] h4{padding:.5rem 0 0}
.st-key-header h1{padding:0}
.st-key-freshness p,.st-key-coverage p,.st-key-jump p{margin:0}
.st-key-coverage{padding-bottom:.25rem}
.st-key-jump{border-radius:.75rem;padding:.6rem .9rem;background:light-dark(#FFF6E5,#2B2112);color:light-dark(#7A4A00,#F5C878)}
.st-key-story{border-radius:.75rem;padding:.85rem 1.1rem 1.5rem;background:light-dark(#EEF0FF,#1B1D3A);color:light-dark(#23215E,#D5D7FF)}
.st-key-story p{margin:0;font-size:1.0625rem;line-height:1.5}
.st-key-jump button{color:inherit;text-decoration:underline}
[class*="st-key-spike_row_"],[class*="st-key-spike_chosen_"]{position:relative;border:1px solid light-dark(#E4E7EC,#262B34);border-radius:.75rem;padding:.5rem .8rem .6rem}
[class*="st-key-spike_row_"]:hover{background:light-dark(#F8F9FB,#14171C)}
[class*="st-key-spike_chosen_"]{border-color:light-dark(#4F46E5,#7C83FF);background:light-dark(#F5F5FF,#15172B)}
[class*="st-key-spike_row_"] button::after,[class*="st-key-spike_chosen_"] button::after{content:"";position:absolute;inset:0;z-index:1}
[class*="st-key-spike_row_"] [data-testid="stElementContainer"]:has(button),[class*="st-key-spike_chosen_"] [data-testid="stElementContainer"]:has(button){position:static}
[class*="st-key-spike_row_"] button p,[class*="st-key-spike_chosen_"] button p{font-weight:600}
[class*="st-key-spike_says_"] p{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.st-key-spike_sentence{padding-top:.35rem}
.st-key-spike_sentence p{font-size:1.0625rem;line-height:1.45}
[class*="st-key-attention_"]{border-top:1px solid light-dark(#EDEFF3,#20242C);padding-top:.55rem}
[data-testid="stStatusWidget"]{visibility:hidden}
[role="radio"][aria-checked="true"] p{color:light-dark(#3730A3,#C9CBFD)!important}
@media (hover:none){[data-testid="stElementToolbar"]{display:none}}
@media (prefers-reduced-motion:reduce){
  *,*::before,*::after{animation-duration:.01ms!important;transition-duration:.01ms!important}
}
</style>
"""

PAGES = "pages"
NO_RATE = (
    "Some revenue of this month has no exchange rate, so no sum can hold it: add the rate with `metering rates add`."
)


@dataclass(frozen=True)
class Pages:
    """The pages of this run, for links from one to the other."""

    overview: Any
    margins: Any
    customers: Any
    spikes: Any
    prices: Any


def customers_page() -> Any:
    """Where a customer is shown."""
    return st.session_state[PAGES].customers


def spikes_page() -> Any:
    """Where what is unusual is shown."""
    return st.session_state[PAGES].spikes


def prices_page() -> Any:
    """Where models' prices are shown."""
    return st.session_state[PAGES].prices


def wear() -> None:
    """The style rules; once per run."""
    light, dark = (st.get_option(f"theme.{theme}.chartCategoricalColors") or [] for theme in ("light", "dark"))
    st.html(f"{STYLE}<style>{theme_switch.rules(light, dark)}</style>")


@contextmanager
def header(title: str, subtitle: str) -> Iterator[None]:
    """Title on the left, whatever the block draws on the right; wraps on a phone."""
    row = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center", key="header")
    with row:
        st.markdown(f"# {wording.escape(title)}\n:small[:gray[{wording.escape(subtitle)}]]", width="content")
        with st.container(horizontal=True, width="content", vertical_alignment="center"):
            yield


@contextmanager
def card(key: str, title: str, subtitle: str) -> Iterator[None]:
    """A bordered card with its title and one line under it."""
    with st.container(border=True, key=f"card_{key}", height="stretch"):
        st.markdown(f"### {title}\n:small[:gray[{subtitle}]]")
        yield


def freshness(
    rows: Sequence[tuple[str, datetime | None, str]], *, published_at: datetime, version: int, now: datetime
) -> None:
    """One line that says how old what you see is, by source; a source in trouble says so in words."""
    parts = []
    for source, last_success_at, status in rows:
        name = wording.escape(source_name(source))
        text = f"{name} {wording.ago(last_success_at, now)}"
        parts.append(text if status in {"ok", "fresh"} else f":orange[{text} ({wording.escape(status)})]")
    parts.append(f"published {wording.ago(published_at, now)} as version {version}")
    with st.container(key="freshness"):
        st.caption(" · ".join(parts))


SOURCE_NAMES = {
    "stripe": "Stripe",
    "usage": "Usage",
    "fx": "Exchange rates",
    "prices": "Price catalogue",
    "openai": "OpenAI",
    "anthropic": "Anthropic",
    "openrouter": "OpenRouter",
    "litellm": "LiteLLM",
    "langfuse": "Langfuse",
    "helicone": "Helicone",
    "google_billing": "Google's bill",
}


def source_name(source: str) -> str:
    """What a source is called; a connection is `kind:label`, and its label is told where it says more than the kind."""
    kind, _, label = source.partition(":")
    if kind == "bill":
        return f"{label.capitalize()}'s bill"
    return SOURCE_NAMES.get(kind, source)


def nothing_published(refusal: str | None) -> None:
    """The first thing a new installation shows: what is missing and the one thing to do; or why the first version was refused."""
    if refusal is not None:
        st.warning(wording.escape(refusal), icon=":material/warning:")
    with st.container(border=True, key="card_empty", horizontal_alignment="center"):
        st.space("medium")
        st.markdown("# :gray[:material/query_stats:]", width="content")
        st.markdown("### No margins published yet", width="content")
        st.markdown("Nothing has been pulled from Stripe or imported so far.", width="content")
        st.markdown("Run this in the project's folder, then look again:", width="content")
        st.code("metering refresh", language=None, width="content")
        st.button("Look again", icon=":material/refresh:", type="primary", key="look_again")
        st.space("medium")


def not_found(title: str, sentence: str, *, icon: str = ":material/search_off:") -> None:
    """A page for an address that leads to nothing; the caller adds the one action."""
    st.space("medium")
    st.markdown(f"# :gray[{icon}]")
    st.markdown(f"### {wording.escape(title)}\n{wording.escape(sentence)}")
