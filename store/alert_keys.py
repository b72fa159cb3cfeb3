"""What alerts' subjects cost by API key: read from the lake's files of the days in question, the only place that knows keys."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

import duckdb
import polars as pl

from pricing.alert_split import Moved
from pricing.finding import Subject
from pricing.key_labels import shown_key
from pricing.money import allocate
from store import duck
from store.lake import tenant_folder
from store.warehouse_bridge import model_name
from store.warehouse_calls import CallsGone
from store.warehouse_reads import Warehouse

_KEYS = ("provider", "model", "feature", "service_tier", "price_id", "api_key")
# Model (as the cube's frames name it) and price entry: within these, keys differ by how much they used.
_Group = tuple[str, int | None]
_Weights = dict[_Group, dict[str | None, tuple[int, int]]]


@dataclass(frozen=True)
class Window:
    """A subject, the names that a log has for its customer (None: no customer in particular), and the days to tell apart."""

    subject: Subject
    refs: Sequence[str] | None
    episode: Sequence[date]
    baseline: Sequence[date]


class KeySums:
    """The calls of some days summed by what the cube knows and by key, in a database of its own until it is closed."""

    def __init__(self, con: duckdb.DuckDBPyConnection) -> None:
        self._con = con

    def moved(self, window: Window, episode: pl.DataFrame, baseline: pl.DataFrame) -> Moved:
        """The cost of the frames (USED_SCHEMA) by key as it may be shown; each sums to its frame exactly.

        A price entry's cost is shared out in proportion to what the calls cost by that entry, by their number where none has a cost.
        Usage of which no calls are kept (a provider's report by day) has no key.
        """
        of_episode, of_baseline = self._weights(window)
        return Moved(_shared(episode, of_episode), _shared(baseline, of_baseline))

    def _weights(self, window: Window) -> tuple[_Weights, _Weights]:
        """By model, price entry and key what the calls cost and how many they were: in the episode, and in the days before."""
        subject = window.subject
        parts: list[str] = ["list_contains($2::date[], day)"]
        values: list[object] = [list(window.episode), [*window.episode, *window.baseline]]
        if window.refs is not None:
            values.append(list(window.refs))
            parts.append(f"list_contains(${len(values)}, ref)")
        for column in ("provider", "model", "feature"):
            if getattr(subject, column) is not None:
                values.append(getattr(subject, column))
                parts.append(f"{column} = ${len(values)}")
        rows = self._con.execute(
            f"""select list_contains($1::date[], day), provider, model, service_tier, price_id, api_key, sum(cost)::hugeint, sum(events)::bigint
            from calls where {" and ".join(parts)} group by all""",
            values,
        ).fetchall()
        found: tuple[_Weights, _Weights] = defaultdict(dict), defaultdict(dict)
        for is_found, provider, model, tier, price_id, api_key, cost, events in rows:
            held = found[not is_found][model_name(provider, model, tier), price_id]
            key = None if not api_key else shown_key(api_key)
            before = held.get(key, (0, 0))
            held[key] = (before[0] + int(cost or 0), before[1] + events)
        return found


@contextmanager
def key_sums(home: Path, warehouse: Warehouse, days: Sequence[date], refs: Collection[str]) -> Iterator[KeySums]:
    """Sum the calls of these days, read once from the files that the version names and no others. Raises CallsGone.

    Only the names `refs` are told apart; everybody else's calls are one. In a bounded memory: what does not fit is spilled.
    """
    folder = tenant_folder(home, UUID(warehouse.tenant_id))
    files = warehouse.rows(
        "select path from lake_files where list_contains($1::date[], day) order by path", [list(days)]
    )
    paths = [str(folder / path) for path in files["path"]]
    names = ", ".join(_KEYS)
    con = duck.connect()
    try:
        source = "read_parquet($2, hive_partitioning = false, union_by_name = true)" if paths else _NO_CALLS
        con.execute(
            f"""create temporary table calls as select occurred_at::date as day, {names},
            case when list_contains($1::varchar[], customer_ref) then customer_ref end as ref, count(*) as events,
            sum(cost_pico_usd)::hugeint as cost from {source} group by all""",
            [sorted(refs), paths] if paths else [sorted(refs)],
        )
        yield KeySums(con)
    except duckdb.IOException as problem:
        raise CallsGone(
            f"Calls of version {warehouse.version} have been priced again since it was published: its alerts are explained without "
            "their API keys until the next version is there, or run `metering refresh`."
        ) from problem
    finally:
        con.close()


_NO_CALLS = """(select null::timestamp as occurred_at, null::varchar as customer_ref, null::varchar as provider, null::varchar as model,
    null::varchar as feature, null::varchar as service_tier, null::bigint as price_id, null::varchar as api_key,
    null::bigint as cost_pico_usd where false)"""


def without_keys(episode: pl.DataFrame, baseline: pl.DataFrame) -> Moved:
    """The cost of the frames as that of no key in particular: where the calls cannot be read."""
    return Moved(_shared(episode, {}), _shared(baseline, {}))


def _shared(
    frame: pl.DataFrame, weights: Mapping[_Group, Mapping[str | None, tuple[int, int]]]
) -> dict[str | None, int]:
    sums: dict[str | None, int] = defaultdict(int)
    for model, price_id, cost in frame.group_by("model", "price_id").agg(pl.col("cost_pico_usd").sum()).iter_rows():
        keys = weights.get((model, price_id), {})
        names = sorted(keys, key=lambda name: name or "")
        shares = [keys[name][0] for name in names]
        shares = shares if any(shares) else [keys[name][1] for name in names]
        if not any(shares):
            sums[None] += int(cost)
            continue
        for name, part in zip(names, allocate(int(cost), shares), strict=True):
            sums[name] += part
    return dict(sums)
