"""The pages around a shared report: no script, nothing from elsewhere, nothing kept by browsers, caches or search engines."""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from billing.report_page import style_sheet

_html = Environment(
    loader=PackageLoader("api", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


@dataclass(frozen=True)
class Checked:
    """What came of comparing a hash or a file with the snapshot."""

    is_same: bool
    words: str


@cache
def headers() -> dict[str, str]:
    """What every answer below `/shared` carries."""
    styles = base64.b64encode(hashlib.sha256(style_sheet().encode()).digest()).decode()
    return {
        "content-security-policy": (
            f"default-src 'none'; style-src 'sha256-{styles}'; font-src 'self'; img-src 'self'; form-action 'self'; "
            "base-uri 'none'; frame-ancestors 'none'"
        ),
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-robots-tag": "noindex, nofollow, noarchive",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
    }


def page(template: str, *, status: int = 200, **values: object) -> Response:
    """A page as HTML."""
    style = Markup(style_sheet())  # noqa: S704 - our own file, whose hash the policy names
    text = _html.get_template(template).render(style=style, **values)
    return Response(text, status_code=status, headers=headers(), media_type="text/html")


def redirect(path: str) -> Response:
    """Back to the page by GET, so that a reload sends no password again."""
    return RedirectResponse(path, status_code=303, headers=headers())
