"""A daily mail of an invented company, for the tests that read, print and send one: two alerts new, one goes on, one has ended."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from uuid import UUID

from billing.digest import Digest, Figures, Health, Told, select
from billing.digest_letter import Reader
from billing.digest_words import subject_title
from pricing.alert_explanation import ChartDay, Confidence, Explanation, MarginPoints, Part, RateExplanation
from pricing.coverage import Coverage
from pricing.finding import Subject
from pricing.margin import Margin, Status
from store.alert_reads import AlertQuality, StoredAlert

TODAY, REPORTED = date(2026, 11, 30), date(2026, 11, 29)
NOW = datetime(2026, 11, 30, 8, 5, tzinfo=UTC)
SINCE = NOW - timedelta(days=1)
USD = 10**12
NAMES = {"cus_n": "Northwind Labs", "cus_q": 'Quill <Bio> & "Co"'}
READER = Reader("fay@acme.example", may_act=True, public_url="https://metering.acme.example", secret=b"s" * 32)


def alert(number: int, subject: Subject, **more: Any) -> StoredAlert:
    """An open cost alert that began on the reported day and was found an hour ago, with what is given beside it."""
    given: dict[str, Any] = {
        "alert_id": UUID(int=number), "detector": "cost_spike", "scope": subject.scope, "subject_key": subject.key,
        "customer_id": subject.customer_id, "provider": subject.provider, "model": subject.model, "feature": subject.feature,
        "name": subject.name, "state": "new", "verdict": None, "planned_until": None, "snoozed_until": None,
        "quieted_impact_minor": None, "quieted_score": None, "assigned_to": None, "first_day": REPORTED, "last_day": REPORTED,
        "is_rise": True, "is_provisional": False, "unit": "pico_usd", "actual": 7_012 * USD, "expected": 4_000 * USD,
        "lower": 3_600 * USD, "upper": 4_400 * USD, "impact_minor": 301_200, "currency": "usd", "impact_pico_usd": 3_012 * USD,
        "peak_score": 4.0, "parent_alert_id": None, "sentence": "It cost more.", "explanation": None, "explanation_version": None,
        "opened_at": NOW - timedelta(hours=1), "changed_at": NOW - timedelta(hours=1), "resolved_at": None, "resolved_why": None,
        "found_in_version": 7, "restated_in_version": 7, "news_in_version": 7,
    }  # fmt: skip
    return StoredAlert(**(given | more))


def told(stored: StoredAlert, **more: Any) -> Told:
    """The alert with its subject in words; the reported day's impact is that of the whole alert."""
    impact = stored.impact_minor if stored.last_day >= REPORTED else None
    return Told(
        alert=stored, title=subject_title(stored.subject, "Acme", NAMES), **{"reported_impact_minor": impact, **more}
    )


def chart_days() -> tuple[ChartDay, ...]:
    """Sixty days at about $4,000, and the last one at $7,012."""
    days = []
    for back in range(59, -1, -1):
        usual = (4_000 + (back * 37) % 300 - 150) * USD
        days.append(
            ChartDay(
                day=REPORTED - timedelta(days=back), actual=usual if back else 7_012 * USD, expected=4_000 * USD,
                lower=3_600 * USD, upper=4_400 * USD, is_found=back == 0,
            )
        )  # fmt: skip
    return tuple(days)


def parts(*given: tuple[str, int]) -> tuple[Part, ...]:
    """Lines of a list by name and cents."""
    return tuple(Part(name=name, label=name, pico_usd=minor * USD // 100, minor=minor) for name, minor in given)


COMPANY_SPIKE = Explanation(
    actual_pico_usd=7_012 * USD, expected_pico_usd=4_000 * USD, lower_pico_usd=3_600 * USD, upper_pico_usd=4_400 * USD,
    impact_pico_usd=3_012 * USD, impact_minor=301_200, currency="usd", first_day=REPORTED, last_day=REPORTED, found_days=1,
    customer_points=None, company_points=MarginPoints(ppm=-18_500), month=date(2026, 11, 1), month_so_far_pico_usd=3_012 * USD,
    month_end_pico_usd=6_024 * USD, month_end_minor=602_400,
    # 2,900.07 + 150.00 - 38.07 = 3,012.00
    drivers=parts(("Model mix", 290_007), ("Usage volume", 15_000), ("Token price", 0), ("Cache rate", -3_807)),
    causes=(), customers=parts(("Northwind Labs", 290_000), ("the others", 11_200)),
    models=parts(("gpt-5", 301_000), ("the others", 200)), features=parts(("chat", 301_200)),
    api_keys=parts(("sk-live-secret", 301_200)), baseline_first_day=date(2026, 11, 1), baseline_last_day=date(2026, 11, 28),
    baseline_days=28, unpriced_events=0, price_changes=(), days=chart_days(), confidence=Confidence(words="high", n=28, why="28 days"),
    sentence="AI cost was $7,012 on 29 November, $3,012 above the usual: Northwind Labs moved from gpt-5-mini to gpt-5 "
    "with key sk-live-secret.",
)  # fmt: skip


def company() -> Told:
    """The company's spike."""
    return told(alert(1, Subject(scope="company")), explanation=COMPANY_SPIKE)


def northwind() -> Told:
    """The customer's, which the company's is made of."""
    subject = Subject(scope="customer", customer_id="cus_n")
    return told(alert(2, subject, parent_alert_id=UUID(int=1), impact_minor=290_000))


def quill() -> Told:
    """A customer with a name that would be markup, whose margin fell below the floor."""
    stored = alert(
        3, Subject(scope="customer", customer_id="cus_q"), detector="margin_floor", unit="ppm", actual=312_000, expected=400_000,
        lower=None, upper=None, impact_minor=None, impact_pico_usd=None, sentence="The margin is 31.2%, below the floor of 40%.",
    )  # fmt: skip
    return told(stored, explanation=RateExplanation(unit="ppm", sentence=stored.sentence))


def going_on() -> Told:
    """A model's spike that was told before."""
    return told(
        alert(
            4, Subject(scope="model", provider="openai", model="gpt-5-mini"), state="ongoing", first_day=REPORTED - timedelta(days=2),
            opened_at=NOW - timedelta(days=3), impact_minor=64_000, actual=1_640 * USD, expected=1_000 * USD,
        )
    )  # fmt: skip


def ended() -> Told:
    """A feature's spike of last week."""
    return told(
        alert(
            5, Subject(scope="feature", feature="search"), state="resolved", first_day=REPORTED - timedelta(days=8),
            last_day=REPORTED - timedelta(days=7), opened_at=NOW - timedelta(days=8), resolved_at=NOW - timedelta(hours=1),
            resolved_why="7 days without another", impact_minor=2_150, actual=98 * USD, expected=76 * USD,
        )
    )  # fmt: skip


FIGURES = Figures(
    day=REPORTED, cost_pico_usd=7_012 * USD, usual_pico_usd=4_010 * USD, month=date(2026, 11, 1),
    margin=Margin(
        cost_minor=10_000_000, gross_profit_minor=15_773_196, share=Fraction(612, 1_000), low=Fraction(598, 1_000),
        high=Fraction(612, 1_000), status=Status.WATCH, reasons=(),
        coverage=Coverage(priced=Fraction(993, 1_000), attributed=Fraction(97, 100)),
    ),
    margin_before=Fraction(631, 1_000),
)  # fmt: skip
FRESH = Health(is_late=False, as_of=datetime(2026, 11, 30, 8, 0, tzinfo=UTC))
QUALITY = AlertQuality(
    alerts=17, confirmed=11, not_an_issue=3, planned=1, expected=1, unlabelled=1, precision=Fraction(11, 14)
)


def digest(*given: Told, least_impact_minor: int = 0, **more: Any) -> Digest:
    """The mail of the 30th of November about these alerts; without any, about all of the above."""
    chosen = given or (company(), northwind(), quill(), going_on(), ended())
    news = select(chosen, since=SINCE, now=NOW, reported=REPORTED, least_impact_minor=least_impact_minor)
    made = Digest(
        company="Acme", currency="usd", day=TODAY, zone="America/New_York", hour=3, since=SINCE, news=news, figures=FIGURES,
        health=FRESH, quality=QUALITY,
    )  # fmt: skip
    return replace(made, **more)
