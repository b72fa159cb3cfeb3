"""Single calls from what stands between a company and its providers: LiteLLM's proxy, Langfuse and Helicone, page by page."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pipelines.pull_usage_client import ReportClient, UsageReportRefused
from pipelines.pull_usage_reports import CallStream, Source, parts, text, whole
from pricing.usage_sources.records import Record, inner
from store.usage_connections import CountsAs

LITELLM_PAGE, LANGFUSE_PAGE, HELICONE_PAGE = 100, 1000, 1000
Pages = Iterator[Sequence[Record]]


def _spend_logs(client: ReportClient, start: datetime, end: datetime) -> Pages:
    """The rows of LiteLLM_SpendLogs of a span, by `/spend/logs/v2`."""
    page = 1
    while True:
        answer = client.get(
            "/spend/logs/v2",
            [
                ("start_date", f"{start:%Y-%m-%d %H:%M:%S}"),
                ("end_date", f"{end:%Y-%m-%d %H:%M:%S}"),
                ("page", str(page)),
                ("page_size", str(LITELLM_PAGE)),
            ],
        )
        yield parts(answer, "data")
        if page >= whole(answer, "total_pages"):
            return
        page += 1


def _observations(client: ReportClient, start: datetime, end: datetime) -> Pages:
    """Langfuse's observations of a span; other kinds than model calls are left to the importer, which counts them as ignored."""
    asked = [
        ("fields", "core,basic,time,model,usage,metadata"),
        ("fromStartTime", f"{start:%Y-%m-%dT%H:%M:%SZ}"),
        ("toStartTime", f"{end:%Y-%m-%dT%H:%M:%SZ}"),
        ("limit", str(LANGFUSE_PAGE)),
    ]
    cursor: str | None = None
    while True:
        answer = client.get("/api/public/v2/observations", [*asked, ("cursor", cursor)] if cursor else asked)
        yield parts(answer, "data")
        following = text(inner(answer, "meta"), "cursor")
        if following is None:
            return
        if following == cursor:
            raise UsageReportRefused("Langfuse names the same page of observations again and again.")
        cursor = following


def _requests(client: ReportClient, start: datetime, end: datetime) -> Pages:
    """Helicone's requests of a span, oldest first, by offset."""
    bounds = [{"gte": f"{start:%Y-%m-%dT%H:%M:%SZ}"}, {"lt": f"{end:%Y-%m-%dT%H:%M:%SZ}"}]
    left, right = ({"request_response_rmt": {"request_created_at": bound}} for bound in bounds)
    offset = 0
    while True:
        answer = client.post(
            "/v1/request/query-clickhouse",
            {
                "filter": {"left": left, "operator": "and", "right": right},
                "isCached": False,
                "limit": HELICONE_PAGE,
                "offset": offset,
                "sort": {"created_at": "asc"},
            },
        )
        if answer.get("error"):
            raise UsageReportRefused(f"Helicone refuses to list requests: {answer['error']}")
        found = parts(answer, "data")
        yield found
        if len(found) < HELICONE_PAGE:
            return
        offset += len(found)


LITELLM_CALLS = CallStream("spend_logs", _spend_logs, "litellm")
LITELLM = Source("litellm", "The LiteLLM proxy", CountsAs.USAGE, (LITELLM_CALLS,))
LANGFUSE = Source("langfuse", "Langfuse", CountsAs.USAGE, (CallStream("observations", _observations, "langfuse"),))
HELICONE = Source("helicone", "Helicone", CountsAs.USAGE, (CallStream("requests", _requests, "helicone"),))
