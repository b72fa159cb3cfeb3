"""The providers' stand-in answers in each API's own shape, pages, refuses strangers, comes late and corrects itself."""

import base64
from datetime import UTC, date, datetime
from typing import Any

import httpx
import pytest

from sandbox.providers.account import Correction
from tests.provider_fixtures import NOON, Providers, call, calls, providers, serving_providers

__all__ = ["providers"]

NOV_17 = 1_794_873_600  # 2026-11-17T00:00:00Z
DAY = 86_400
OPENAI = {"Authorization": "Bearer sk-admin-test"}
ANTHROPIC = {"x-api-key": "sk-ant-admin-test", "anthropic-version": "2023-06-01"}
COMPLETIONS, COSTS = "/v1/organization/usage/completions", "/v1/organization/costs"
MESSAGES, COST_REPORT = "/v1/organizations/usage_report/messages", "/v1/organizations/cost_report"


def get(at: Providers, path: str, headers: dict[str, str], **params: object) -> Any:
    found = httpx.get(f"{at.url}{path}", headers=headers, params=params)  # type: ignore[arg-type]  # httpx writes any value as text
    found.raise_for_status()
    return found.json()


def test_openai_pages_through_buckets_of_a_day_whose_input_holds_what_was_cached(providers: Providers) -> None:
    ask = {"start_time": NOV_17, "end_time": NOV_17 + 2 * DAY, "limit": 1, "group_by[]": ["model", "project_id"]}
    first = get(providers, COMPLETIONS, OPENAI, **ask)
    second = get(providers, COMPLETIONS, OPENAI, **ask, page=first["next_page"])
    assert (first["object"], first["has_more"], second["has_more"]) == ("page", True, False)
    results = [line for line in first["data"][0]["results"] if line["project_id"] == "proj_main"]
    assert [(line["model"], line["input_tokens"], line["input_cached_tokens"]) for line in results] == [
        ("gpt-5.2-2025-12-11", 5000, 1800)
    ]
    assert second["data"][0]["start_time"] == NOV_17 + DAY


def test_openai_bills_by_line_item_and_half_for_batches(providers: Providers) -> None:
    """4,000 tokens at $0.02 per million, halved: 0.00004 dollars."""
    ask = {"start_time": NOV_17 + DAY, "end_time": NOV_17 + 2 * DAY, "group_by[]": "line_item"}
    [bucket] = get(providers, COSTS, OPENAI, **ask)["data"]
    batch = [line for line in bucket["results"] if line["line_item"] == "batch | text-embedding-3-small, input"]
    assert [(line["amount"]["value"], line["quantity"]) for line in batch] == [(0.00004, 4000)]


def test_traffic_past_the_companys_log_is_in_the_report(providers: Providers) -> None:
    """Twelve thousandths of 5,000 input tokens that the log has."""
    ask = {"start_time": NOV_17, "end_time": NOV_17 + DAY, "group_by[]": "project_id"}
    [bucket] = get(providers, COMPLETIONS, OPENAI, **ask)["data"]
    by_project = {line["project_id"]: line["input_tokens"] for line in bucket["results"]}
    assert by_project == {"proj_main": 5000, "proj_evals": 38 + 21}  # 3,200 and 1,800 x 12 / 1000, each rounded down


def test_anthropics_input_is_without_the_cache_and_its_amounts_are_cents_as_text(providers: Providers) -> None:
    """Claude Opus 5 at $5 per million: 4,500 uncached tokens are 2.25 cents."""
    span = {"starting_at": "2026-11-18T00:00:00Z", "ending_at": "2026-11-19T00:00:00Z"}
    [bucket] = get(providers, MESSAGES, ANTHROPIC, **span, **{"group_by[]": "model"})["data"]
    [line] = bucket["results"]
    assert (line["uncached_input_tokens"], line["cache_read_input_tokens"]) == (4500, 3000)
    assert line["cache_creation"] == {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 500}
    [bucket] = get(providers, COST_REPORT, ANTHROPIC, **span, **{"group_by[]": "description"})["data"]
    amounts = {cost["token_type"]: cost["amount"] for cost in bucket["results"]}
    assert amounts["uncached_input_tokens"] == "2.25"


def test_a_wrong_key_is_refused_in_the_apis_own_words(providers: Providers) -> None:
    url = providers.url
    plain = httpx.get(f"{url}{COSTS}", headers={"Authorization": "Bearer sk-proj-1"}, params={"start_time": NOV_17})
    none = httpx.get(f"{url}{COSTS}", params={"start_time": NOV_17})
    claude = httpx.get(f"{url}{COST_REPORT}", headers={**ANTHROPIC, "x-api-key": "sk-ant-api03-1"})
    unversioned = httpx.get(f"{url}{COST_REPORT}", headers={"x-api-key": "sk-ant-admin-1"})
    statuses = [answer.status_code for answer in (plain, none, claude, unversioned)]
    assert statuses == [403, 401, 401, 400]
    assert "api.usage.read" in plain.json()["error"]["message"]
    assert claude.json()["error"]["type"] == "authentication_error"


def test_openrouter_tells_dollars_and_no_cached_tokens(providers: Providers) -> None:
    [row] = get(providers, "/api/v1/activity", {"Authorization": "Bearer sk-or-1"})["data"]
    assert (row["date"], row["prompt_tokens"], row["requests"]) == ("2026-11-19 00:00:00", 2000, 1)
    assert row["usage"] > 0
    assert "cached_tokens" not in row


@pytest.mark.parametrize(
    ("path", "headers", "params"),
    [
        (
            "/spend/logs/v2",
            {"Authorization": "Bearer sk-1"},
            {"start_date": "2026-11-17 00:00:00", "end_date": "2026-11-20 00:00:00"},
        ),
        (
            "/api/public/v2/observations",
            {"Authorization": "Basic " + base64.b64encode(b"pk-lf-1:sk-lf-1").decode()},
            {"fromStartTime": "2026-11-17T00:00:00Z", "toStartTime": "2026-11-20T00:00:00Z", "limit": 4},
        ),
    ],
)
def test_gateways_show_single_calls_in_pages(
    providers: Providers, path: str, headers: dict[str, str], params: dict[str, object]
) -> None:
    page = get(providers, path, headers, **params)
    assert {row.get("request_id") or row.get("id") for row in page["data"]} <= {
        f"e{number}" for number in (1, 2, 3, 4, 6, 7)
    }
    assert page.get("total") == 6 or page["meta"]["cursor"]
    assert httpx.get(f"{providers.url}{path}", params=params).status_code == 401  # type: ignore[arg-type]  # as above


def test_helicone_filters_by_time(providers: Providers) -> None:
    def bound(**limits: str) -> dict[str, object]:
        return {"request_response_rmt": {"request_created_at": limits}}

    between = {"left": bound(gte="2026-11-18T00:00:00Z"), "operator": "and", "right": bound(lt="2026-11-19T00:00:00Z")}
    answer = httpx.post(
        f"{providers.url}/v1/request/query-clickhouse",
        headers={"Authorization": "Bearer sk-helicone-1"},
        json={"filter": between, "limit": 2, "offset": 1},
    )
    assert [row["request_id"] for row in answer.json()["data"]] == ["e3", "e4"]


def test_a_day_grows_for_hours_after_it_is_over_and_is_corrected_later() -> None:
    """Of 64 calls some are late: they are missing on the next morning and there two days later; then a fifth is taken off."""
    rows = [call(f"e{number}", "2026-11-18T10:00", "claude-opus-5", input_tokens=1000) for number in range(64)]
    span = {"starting_at": "2026-11-18T00:00:00Z", "ending_at": "2026-11-19T00:00:00Z"}

    def cents(at: Providers) -> float:
        [bucket] = get(at, COST_REPORT, ANTHROPIC, **span)["data"]
        return float(bucket["results"][0]["amount"])

    with serving_providers(calls(*rows)) as running:
        running.now_is(datetime(2026, 11, 19, 6, tzinfo=UTC))
        early = cents(running)
        running.now_is(NOON)
        late = cents(running)
        known_from = datetime(2026, 11, 21, tzinfo=UTC)
        running.accounts.corrections.append(Correction("anthropic", date(2026, 11, 18), 80, known_from))
        before = cents(running)
        running.now_is(datetime(2026, 11, 22, tzinfo=UTC))
        corrected = cents(running)
    assert early < late == before == 32.0  # 64 x 1,000 tokens at $5 per million
    assert corrected == 25.6


def test_trouble_comes_when_it_is_ordered(providers: Providers) -> None:
    providers.go_wrong(COSTS, "rate_limit", retry_after_seconds=3)
    providers.go_wrong(COSTS, "cut_off")
    asked = [httpx.get(f"{providers.url}{COSTS}", headers=OPENAI, params={"start_time": NOV_17}) for _ in range(3)]
    assert (asked[0].status_code, asked[0].headers["retry-after"]) == (429, "3")
    with pytest.raises(ValueError, match=r"."):
        asked[1].json()
    assert asked[2].json()["object"] == "page"
