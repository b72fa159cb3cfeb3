"""The daily mail as it is read: the same words in HTML and text, nothing that could be markup, nothing secret."""

import re
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from html import unescape
from struct import unpack
from uuid import UUID

import pytest

from billing import action_links, digest_charts
from billing.action_links import Action
from billing.digest import Digest, Health
from billing.digest_letter import LEAVING_LASTS, LINKS_LAST, charts, letter
from billing.digest_words import amount, subject_line, subject_title, verdict
from billing.recovery_letters import Letter
from pricing.alert_explanation import ChartDay
from pricing.finding import Subject, Unit
from tests.billing.told_digest import (
    COMPANY_SPIKE,
    FIGURES,
    FRESH,
    NOW,
    QUALITY,
    READER,
    REPORTED,
    USD,
    alert,
    company,
    digest,
    ended,
    going_on,
    quill,
    told,
)  # fmt: skip

CLIPPED_FROM_BYTES = 102_000  # where Gmail cuts a mail off


def written(given: Digest | None = None) -> Letter:
    made = given or digest()
    return letter(made, READER, charts(made), now=NOW)


def seen(html: str) -> str:
    """The words of an HTML page, without its head."""
    return unescape(re.sub(r"<[^>]+>", " ", html[html.index("<body") :]))


def numbers(words: str) -> Counter[str]:
    """Every number in a text, without addresses of pages and without the digits of names that only look like some."""
    return Counter(re.findall(r"(?<![\w.])[+\u2212]?\$?\d[\d,]*(?:\.\d+)?%?", re.sub(r"https?://\S+", " ", words)))


def test_text_and_html_say_the_same_numbers_equally_often() -> None:
    made = written()
    assert numbers(made.text) == numbers(seen(made.html))
    assert numbers(made.text)["+$3,012.00"] == 2  # the impact, and above its causes


def test_every_alert_stands_in_it_once_under_its_own_link() -> None:
    made = written()
    for number in (1, 3, 4, 5):
        address = f"/spikes?alert={UUID(int=number)}"
        assert made.text.count(address) == 1
        assert address in made.html
    for title in ("Acme, all customers", 'Quill <Bio> & "Co"', "openai \u00b7 gpt-5-mini"):
        assert made.text.count(f"* {title}") == 1
    assert f"alert={UUID(int=2)}" not in made.text  # told within the company's
    assert made.text.count("Within it: Northwind Labs +$2,900.00") == 1


def test_on_a_day_without_a_new_alert_the_largest_that_goes_on_is_told_in_full() -> None:
    before = replace(company().alert, opened_at=NOW - timedelta(days=3), state="ongoing")
    given = digest(told(before, explanation=COMPANY_SPIKE), going_on())
    made = written(given)
    assert made.text.index("ONGOING") < made.text.index("Why: +$3,012.00 by cause") < made.text.index("ALSO ONGOING")
    assert 'src="cid:chart-1"' in made.html
    assert "NEW" not in made.text
    assert numbers(made.text) == numbers(seen(made.html))


def test_the_subject_says_how_many_how_much_and_the_margin() -> None:
    assert subject_line(digest()) == (
        "[2 new, 1 ongoing, 1 resolved] AI cost +$3,012 vs expected yesterday \u00b7 margin 61.2% (\u22121.9 pp)"
    )
    assert verdict(digest()) == "2 new alerts: AI cost was $3,012 above the expected yesterday"
    lower = told(replace(company().alert, is_rise=False, impact_minor=-50_000))
    assert subject_line(digest(lower)).startswith("[1 new] AI cost \u2212$500 vs expected yesterday")
    assert subject_line(digest(quill())).startswith("[1 new] AI cost $7,012.00 yesterday \u00b7 margin")
    assert subject_line(digest(going_on(), figures=replace(FIGURES, margin=None))) == (
        "[1 ongoing] AI cost +$640 vs expected yesterday"
    )
    quiet = digest(is_note=True, news=digest(told(replace(ended().alert, resolved_at=NOW - timedelta(days=2)))).news)
    assert (subject_line(quiet), verdict(quiet)) == (
        "All quiet \u00b7 margin 61.2% (\u22121.9 pp)", "All quiet: no alert is new"
    )  # fmt: skip


def test_where_the_clock_is_far_from_utc_the_day_is_called_by_its_date() -> None:
    auckland = digest(day=date(2026, 12, 1))
    assert "vs expected on Sun 29 Nov" in subject_line(auckland)


def test_late_data_are_said_in_the_subject_the_verdict_and_the_health_section() -> None:
    late = Health(
        is_late=True, as_of=FRESH.as_of, late={"anthropic": tuple(REPORTED - timedelta(days=n) for n in range(5))},
        failing={"openai": "The key was refused (401)."}, refusal="The sums differ by $1.00.",
    )  # fmt: skip
    made = written(digest(told(replace(ended().alert, resolved_at=NOW - timedelta(days=2))), health=late))
    assert made.subject.startswith("[data late] AI cost yesterday not known yet")
    assert "The data of Sun 29 Nov are not complete yet" in made.text
    for sentence in (
        "Data late: Sun 29 Nov is not complete, so more may be found for it later.",
        "anthropic: no data yet for Sun 29 Nov, Sat 28 Nov, Fri 27 Nov and 2 more days.",
        "openai: the last try failed: The key was refused (401).",
        "A newer version is not shown: The sums differ by $1.00.",
        "Missing data is never counted as a drop in cost.",
    ):
        assert sentence in " ".join(made.text.split())
        assert sentence in " ".join(seen(made.html).split())
    assert "up to date" not in made.text


def test_quality_is_told_with_its_counts_or_not_at_all() -> None:
    # 11 of the 14 that were judged (11 confirmed + 3 not an issue) = 78.6%
    assert "78.6% of the 14 that were judged were real." in " ".join(written().text.split())
    few = replace(QUALITY, precision=None)
    assert "Too few answers" in written(digest(quality=few)).text
    none = replace(QUALITY, alerts=0)
    assert "No alert in the last 30 days." in written(digest(quality=none)).text


def test_names_are_words_and_never_markup_and_no_key_is_in_a_mail() -> None:
    made = written()
    assert "Quill &lt;Bio&gt; &amp; " in made.html
    assert "<Bio>" not in made.html
    assert "sk-live-secret" not in made.html + made.text
    nasty = told(alert(7, Subject(scope="customer", customer_id="x")))
    names = {"x": "Evil\r\nBcc: a@b.example\u202e<script>alert(1)</script>"}
    title = subject_title(nasty.alert.subject, "Acme", names)
    assert title == "Evil Bcc: a@b.example <script>alert(1)</script>"
    assert "<script" not in written(digest(replace(nasty, title=title))).html


def test_links_act_for_the_recipient_on_that_alert_and_end() -> None:
    made = written()
    tokens = re.findall(r"/alerts/act/([\w.-]+)", made.text)
    read = [action_links.read(READER.secret, token, NOW) for token in tokens]
    wanted = [
        Action(verb, UUID(int=number), "fay@acme.example", NOW + LINKS_LAST)
        for number in (1, 3, 4)  # one that has ended has nothing to answer
        for verb in ("confirm", "expected", "planned", "snooze", "not_an_issue")
    ]
    assert read == wanted
    assert "ended on 2026-12-14" in str(action_links.read(READER.secret, tokens[0], NOW + LINKS_LAST))
    (leave,) = re.findall(r"/alerts/unsubscribe/([\w.-]+)", made.text)
    assert action_links.read(READER.secret, leave, NOW) == Action(
        "unsubscribe", None, "fay@acme.example", NOW + LEAVING_LASTS
    )
    viewer = letter(digest(), replace(READER, may_act=False), {}, now=NOW)
    assert "/alerts/act/" not in viewer.html + viewer.text


def test_the_causes_sum_to_the_impact_cent_by_cent() -> None:
    text = written().text
    causes = re.findall(r"  - [^:]+: ([+\u2212])\$([\d,.]+)", text)
    cents = [int(digits.replace(",", "").replace(".", "")) * (1 if sign == "+" else -1) for sign, digits in causes]
    assert sum(cents) == COMPANY_SPIKE.impact_minor == 301_200
    assert "Token price" not in text  # which is nothing


def test_the_longest_mail_is_shorter_than_what_a_reader_cuts_off() -> None:
    many = [
        replace(told(alert(n, Subject(scope="customer", customer_id="cus_n"))), explanation=COMPANY_SPIKE)
        for n in range(30)
    ]
    made = written(digest(*many))
    assert "Not shown here: 20 more new." in made.text
    assert len(made.html.encode()) < CLIPPED_FROM_BYTES


def test_styles_stand_in_the_tags_for_readers_that_drop_them() -> None:
    html = written().html
    bare = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    assert re.search(r'<h1 style="[^"]*font-size: ?23px', bare)
    assert re.search(r'class="act main"[^>]*style="[^"]*background-color: ?#4338ca', bare)


def test_a_chart_is_a_picture_of_one_size_the_same_each_time_and_says_its_numbers() -> None:
    first, second = (charts(digest())[UUID(int=1)] for _ in range(2))
    assert first == second
    width, height, _, color_type = unpack(">IIBB", first.content[16:26])
    assert (width, height) == (2 * digest_charts.WIDTH, 2 * digest_charts.HEIGHT)
    assert color_type == 6  # with an alpha channel: the ground shows through
    assert (
        'alt="By day from Sat 31 Oct to Sun 29 Nov. Unusual: Sun 29 Nov $7,012.00 (expected $4,000.00)."'
        in written().html
    )
    drawn = digest_charts.svg(COMPANY_SPIKE.days, "pico_usd", "usd")
    assert drawn.count("<rect") == 30
    assert re.findall(r">([^<>]+)</text>", drawn) == ["Sat 31 Oct", "Sun 29 Nov", "$7,012", "expected $4,000"]


def test_a_chart_is_drawn_of_whatever_is_known() -> None:
    def day(back: int, actual: int | None, *, has_band: bool) -> ChartDay:
        band = 5 * USD if has_band else None
        return ChartDay(
            day=REPORTED - timedelta(days=back),
            actual=actual,
            expected=band,
            lower=band,
            upper=band,
            is_found=back == 0,
        )

    assert not digest_charts.can_draw([day(0, 1, has_band=True), day(1, None, has_band=True)])
    for days in (
        [day(0, 0, has_band=False), day(1, 0, has_band=False)],
        [day(0, -3 * USD, has_band=True), day(1, 2 * USD, has_band=False), day(2, None, has_band=True)],
    ):
        assert digest_charts.can_draw(days)
        assert digest_charts.picture(days, "pico_usd", "usd").startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1_234_560_000_000_000, "pico_usd", "$1,234.56"),
        (-5_000_000_000, "pico_usd", "\u2212$0.01"),
        (123_456, "minor", "$1,234.56"),
        (-50, "minor", "\u2212$0.50"),
        (0, "minor", "$0.00"),
        (7_500, "ppm", "0.75%"),
        (312_000, "ppm", "31.2%"),
        (18_720, "seconds", "5 h 12 min"),
        (200_000, "seconds", "2 d 7 h"),
        (1_234, "count", "1,234"),
        (None, "minor", "\u2014"),
    ],
)
def test_amounts_have_their_unit(value: int | None, unit: Unit, words: str) -> None:
    assert amount(value, unit, "usd") == words


def test_a_margin_that_is_not_known_is_a_dash_and_no_zero() -> None:
    made = written(digest(figures=replace(FIGURES, cost_pico_usd=None, usual_pico_usd=None, margin=None)))
    assert "AI cost yesterday: \u2014" in made.text
    assert "Margin November so far: \u2014" in made.text
