"""Reports of usage and cost are pulled to the end, once, whatever the source does and wherever the pull is killed."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine

from pipelines.pull_usage import pull_usage
from pipelines.pull_usage_client import ATTEMPTS
from sandbox.providers.account import Correction
from store import failpoints, freshness, provider_reports, usage_connections
from store.database import tenant_transaction
from store.provider_reports import Change
from store.usage_connections import CountsAs
from tests.pipelines.usage_sources_connected import Connected, Killed, settings_for
from tests.provider_fixtures import NOON, Providers, call, calls, providers, serving_providers

__all__ = ["providers"]

NEXT_DAY = NOON + timedelta(days=1)


@pytest.fixture
def connected(engine: Engine, tenant: UUID, tmp_path: Path, providers: Providers) -> Iterator[Connected]:
    providers.asked.clear()
    yield Connected(engine, tenant, tmp_path, providers)
    providers.accounts.troubles.clear()
    providers.accounts.corrections.clear()
    providers.now_is(NOON)


def test_openais_usage_is_made_into_buckets_that_add_up_to_its_totals(connected: Connected) -> None:
    """On 17 November: 5,000 input tokens of which 1,800 cached, so 3,200 + 1,800; the log's key alone."""
    connected.connect("openai")
    assert connected.pull().trouble is None
    found = connected.usage().filter(stream="completions", day=date(2026, 11, 17), api_key="key_prod")
    told = ("model", "service_tier", "project", "input_uncached_tokens", "cache_read_tokens", "output_text_tokens")
    assert found.select(told).rows() == [("gpt-5.2-2025-12-11", "standard", "proj_main", 3200, 1800, 700)]
    assert found.select("reasoning_tokens", "images").rows() == [(None, None)]  # this report does not tell them


def test_openais_bill_keeps_each_line_item_with_its_model_unit_and_quantity(connected: Connected) -> None:
    connected.connect("openai")
    connected.pull()
    found = connected.costs().filter(line_item="batch | text-embedding-3-small, input")
    told = ("model", "service_tier", "unit", "quantity", "cost_pico_usd", "currency")
    # 4,000 tokens at $0.02 per million, halved: 40,000,000 pico-USD
    assert found.select(told).rows() == [
        ("text-embedding-3-small", "batch", "input_uncached_tokens", 4000, 40_000_000, "usd")
    ]


def test_anthropics_cents_are_dollars_over_a_hundred(connected: Connected) -> None:
    """4,500 uncached tokens at $5 per million are 2.25 cents, or 22,500,000,000 pico-USD; its usage is without the cache."""
    connected.connect("anthropic")
    connected.pull()
    found = connected.costs().filter(unit="input_uncached_tokens")
    assert found.select("model", "cost_pico_usd", "quantity").rows() == [("claude-opus-5", 22_500_000_000, None)]
    [used] = connected.usage().rows(named=True)
    buckets = ("input_uncached_tokens", "cache_read_tokens", "cache_write_5m_tokens", "cache_write_1h_tokens")
    assert [used[name] for name in buckets] == [4500, 3000, 1000, 500]
    assert used["requests"] is None


def test_openrouters_own_dollars_are_the_cost(connected: Connected) -> None:
    connected.connect("openrouter")
    connected.pull()
    [used], [billed] = connected.usage().rows(named=True), connected.costs().rows(named=True)
    assert used["reported_cost_pico_usd"] == billed["cost_pico_usd"] > 0
    assert (used["provider"], used["model"]) == ("openrouter", "mistralai/mistral-large-2512")


@pytest.mark.parametrize("kind", ["litellm", "langfuse", "helicone"])
def test_single_calls_go_into_the_lake_once_however_often_they_are_read(connected: Connected, kind: str) -> None:
    connected.connect(kind)
    first = connected.pull()
    again = connected.pull(NOON + timedelta(hours=1))
    assert (first.calls, first.rejected, first.trouble) == (6, 0, None)
    assert (again.calls, again.rejected, connected.events()) == (0, 0, 6)
    assert list((connected.home / "pulls").rglob("*.jsonl")) == []


def test_every_page_is_read_and_the_next_pull_begins_where_reports_may_still_change(connected: Connected) -> None:
    """Anthropic gives 31 days at once: 450 days take 15 questions, and a day later the last days are read again."""
    connected.connect("anthropic")
    connected.pull()
    asked = [line for line in connected.at.asked if "usage_report" in line]
    assert len(asked) == 15
    connected.at.asked.clear()
    connected.pull(NEXT_DAY)
    [again] = [line for line in connected.at.asked if "usage_report" in line]
    assert "starting_at=2026-11-17T00%3A00%3A00Z" in again  # three days before the 20th, up to which it had been read
    assert connected.known().cursors["messages"] == NEXT_DAY


def test_a_pull_waits_as_long_as_it_is_asked_to(connected: Connected) -> None:
    connected.connect("openai")
    connected.at.go_wrong("/costs", "rate_limit", times=2, retry_after_seconds=17)
    assert connected.pull().trouble is None
    assert connected.waits == [17, 17]


@pytest.mark.parametrize("kind", ["server_error", "broken_json", "cut_off"])
def test_an_answer_that_is_no_report_is_asked_for_again(connected: Connected, kind: str) -> None:
    connected.connect("openai")
    connected.at.go_wrong("/costs", kind, times=2)
    assert connected.pull().trouble is None
    assert len(connected.waits) == 2
    assert not connected.costs().is_empty()


def test_a_source_that_stays_broken_is_said_so_and_what_came_before_is_kept(connected: Connected) -> None:
    connected.connect("openai")
    connected.at.go_wrong("/costs", "broken_json", times=ATTEMPTS)
    trouble = connected.pull().trouble
    assert trouble is not None
    assert "OpenAI" in trouble
    assert "no JSON" in trouble
    assert connected.costs().is_empty()
    assert not connected.usage().is_empty()
    assert connected.known().message == trouble
    assert connected.pull().trouble is None
    assert not connected.costs().is_empty()


@pytest.mark.parametrize(
    ("key", "said"), [("sk-none", "does not let it read"), ("nonsense", "does not accept the key")]
)
def test_a_wrong_key_is_one_sentence_that_names_the_setting_and_never_the_key(
    connected: Connected, key: str, said: str
) -> None:
    connected.connect("openai")
    trouble = connected.pull(metering_openai_admin_key=key).trouble
    assert trouble is not None
    assert said in trouble
    assert "METERING_OPENAI_ADMIN_KEY" in trouble
    assert key not in trouble
    assert connected.waits == []  # asking again would not help
    with tenant_transaction(connected.engine, connected.tenant) as connection:
        [fresh] = freshness.read(connection)
    assert (fresh.source, fresh.status, fresh.message) == ("openai:main", freshness.Status.FAILED, trouble)


def test_one_source_that_fails_keeps_no_other_from_being_read(connected: Connected) -> None:
    connected.connect("openai")
    connected.connect("anthropic")
    settings = settings_for(connected.at.url, metering_anthropic_admin_key="off")
    pulled = pull_usage(
        connected.engine, connected.home, connected.tenant, settings, now=NOON, sleep=connected.waits.append
    )
    assert [each.connection.kind for each in pulled if each.trouble] == ["anthropic"]
    assert "METERING_ANTHROPIC_ADMIN_KEY is not set" in str(pulled[0].trouble)
    assert not connected.costs().is_empty()


def test_a_day_that_grows_and_is_corrected_is_restated(engine: Engine, tenant: UUID, tmp_path: Path) -> None:
    """64 calls at half a cent are 32 cents; some come a day late, and two days after that a fifth is given back: 25.6 cents."""
    rows = [call(f"e{number}", "2026-11-18T10:00", "claude-opus-5", input_tokens=1000) for number in range(64)]
    with serving_providers(calls(*rows)) as running:
        connected = Connected(engine, tenant, tmp_path, running)
        connected.connect("anthropic")
        connected.pull(datetime(2026, 11, 19, 6, tzinfo=UTC))
        early = connected.costs()["cost_pico_usd"].sum()
        grown = connected.pull(NOON)
        assert grown.change == Change(restated=2)  # the day's usage and its cost
        whole = connected.costs()["cost_pico_usd"].sum()
        given_back = Correction("anthropic", date(2026, 11, 18), 80, datetime(2026, 11, 21, tzinfo=UTC))
        running.accounts.corrections.append(given_back)
        corrected = connected.pull(datetime(2026, 11, 22, tzinfo=UTC))
        assert corrected.change == Change(restated=1, same=1)
        assert connected.pull(datetime(2026, 11, 23, tzinfo=UTC)).change.restated == 0
    assert early < whole == 320_000_000_000
    assert connected.costs()["cost_pico_usd"].sum() == 256_000_000_000


def killer(place: str, at_visit: int) -> Callable[[str], None]:
    visits = 0

    def hook(name: str) -> None:
        nonlocal visits
        visits += name == place
        if name == place and visits == at_visit:
            raise Killed

    return hook


@pytest.mark.parametrize("place", ["usage_pull.before_commit", "usage_pull.after_commit"])
@pytest.mark.parametrize("at_visit", [1, 15, 46, 60])
def test_killed_anywhere_nothing_is_lost_and_nothing_counts_twice(
    connected: Connected, place: str, at_visit: int
) -> None:
    connected.connect("openai")
    with pytest.raises(Killed), failpoints.armed(killer(place, at_visit)):
        connected.pull()
    connected.pull()
    resumed = connected.costs().sort("day", "line_item", "project"), connected.usage().sort("day", "model", "api_key")
    with tenant_transaction(connected.engine, connected.tenant) as connection:
        source = usage_connections.one(connection, "openai", "main").connection_id
        days = provider_reports.Days(date(2026, 1, 1), date(2027, 1, 1))
        told = resumed[0].select(list(provider_reports.COST_SCHEMA))
        again = provider_reports.replace_costs(connection, source, "costs", days, told, now=NOON)
    assert again == Change(same=told.height)
    assert told["cost_pico_usd"].sum() == told.unique(["day", "line_item", "project"])["cost_pico_usd"].sum()


def test_calls_killed_between_lake_and_cursor_are_not_taken_twice(connected: Connected) -> None:
    connected.connect("litellm")
    # The third day from the end has calls; killed after its import and before the cursor was moved on.
    with pytest.raises(Killed), failpoints.armed(killer("usage_pull.before_import", 2)):
        connected.pull()
    assert connected.events() == 1
    assert connected.pull().calls == 5
    assert connected.events() == 6


def test_another_tenants_pull_sees_and_changes_nothing_of_ours(connected: Connected, mallory: UUID) -> None:
    connected.connect("openai", CountsAs.BILL)
    connected.pull()
    mine = connected.costs()
    theirs = Connected(connected.engine, mallory, connected.home, connected.at)
    assert pull_usage(connected.engine, connected.home, mallory, settings_for(connected.at.url), now=NOON) == []
    theirs.connect("openai")
    theirs.pull()
    assert theirs.costs()["connection_id"].unique().to_list() != mine["connection_id"].unique().to_list()
    assert connected.costs().equals(mine)
