"""The daily mail as a reader's program draws it: wide and narrow, light and dark, and with its style sheet thrown away."""

import base64
import re
from typing import TYPE_CHECKING

import pytest

from billing.digest_letter import charts, letter
from tests.billing.told_digest import NOW, READER, digest

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# WCAG's contrast of each text with the ground below it; the first ones that are too weak, by their words.
TOO_WEAK = """() => {
  const parts = color => color.match(/[\\d.]+/g).map(Number);
  const linear = part => (part /= 255) <= .04045 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * linear(r) + .7152 * linear(g) + .0722 * linear(b);
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const color = parts(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return matchMedia("(prefers-color-scheme: dark)").matches ? [18, 18, 18] : [255, 255, 255];
  };
  const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), weak = [];
  while (words.nextNode()) {
    const text = words.currentNode.textContent.trim(), element = words.currentNode.parentElement;
    if (!text || !element.getClientRects().length) continue;
    const [one, two] = [light(parts(getComputedStyle(element).color)), light(ground(element))].sort((a, b) => b - a);
    if ((one + .05) / (two + .05) < 4.5) weak.push(text);
  }
  return weak;
}"""


def drawn_html() -> str:
    """The mail's HTML with its pictures as the reader's program puts them in."""
    made = digest()
    images = charts(made)
    html = letter(made, READER, images, now=NOW).html
    for image in images.values():
        html = html.replace(
            f"cid:{image.content_id}", f"data:image/png;base64,{base64.b64encode(image.content).decode()}"
        )
    return html


@pytest.mark.parametrize("has_styles", [True, False], ids=["styled", "styles thrown away"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [640, 390])
def test_the_mail_fits_and_can_be_read(chromium: "Browser", width: int, scheme: str, has_styles: bool) -> None:
    html = drawn_html()
    shown = html if has_styles else re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]  # one of two
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_content(shown, wait_until="load")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(TOO_WEAK) == []
    chart = page.get_by_role("img")
    assert "Sun 29 Nov $7,012.00" in str(chart.get_attribute("alt"))
    box = chart.bounding_box()
    assert box is not None
    assert 250 < box["width"] <= width
    assert [url for url in asked if not url.startswith("data:")] == []  # nothing is loaded from elsewhere
    if has_styles and width == 390:
        heights = [link.bounding_box() for link in page.locator("a.act").all()]
        assert all(box is not None and box["height"] >= 44 for box in heights)  # a thumb's width
    page.close()
