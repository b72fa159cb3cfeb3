"""Pages of a list: filtered, newest first, from a cursor forward or backward."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from sandbox.billing.params import integer
from sandbox.billing.refusals import invalid, no_such
from sandbox.http.filters import Test, tests
from sandbox.http.shown import shown
from sandbox.objects import StripeObject
from sandbox.state import EVENT, EVENTS_KEPT_SECONDS, State
from sandbox.thin_events import is_thin_only

PAGING = ("limit", "starting_after", "ending_before")
DEFAULT_LIMIT, LARGEST_LIMIT = 10, 100


def list_kind(state: State, kind: str, url: str, params: StripeObject) -> StripeObject:
    """A page of the objects of a kind, newest first; objects of one second newest made first."""
    rows = [obj for obj in state.objects[kind].values() if "deleted" not in obj]
    if kind == EVENT:
        rows = rows[bisect_left(rows, state.now - EVENTS_KEPT_SECONDS, key=_created) :]
        rows = [obj for obj in rows if not is_thin_only(obj)]
    first, last = _created_bounds(rows, params)
    filters = {key: value for key, value in params.items() if key not in (*PAGING, "created", "expand")}
    return page(
        state,
        kind,
        url,
        params,
        rows=rows,
        first=first,
        last=last,
        passes=tests(state, kind, filters),
        newest_first=True,
    )


def _created(obj: StripeObject) -> int:
    """When it was made; only invoice items call that `date`."""
    at: int = obj["created"] if "created" in obj else obj["date"]
    return at


def _created_bounds(rows: Sequence[StripeObject], params: StripeObject) -> tuple[int, int]:
    """The part of the rows, which stand in the order of `created`, that the filter `created` leaves."""
    first, last = 0, len(rows)
    given = params.get("created")
    if given is None or given == "":
        return first, last
    bounds = given if isinstance(given, dict) else {"gte": given, "lte": given}
    for bound in bounds:
        at = integer(bounds, bound)
        if at is None:
            continue
        match bound:
            case "gte":
                first = max(first, bisect_left(rows, at, key=_created))
            case "gt":
                first = max(first, bisect_right(rows, at, key=_created))
            case "lte":
                last = min(last, bisect_right(rows, at, key=_created))
            case "lt":
                last = min(last, bisect_left(rows, at, key=_created))
            case _:
                name = f"created[{bound}]"
                raise invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")
    return first, last


def page(
    state: State,
    kind: str,
    url: str,
    params: StripeObject,
    *,
    rows: Sequence[StripeObject],
    first: int,
    last: int,
    passes: Sequence[Test] = (),
    newest_first: bool,
) -> StripeObject:
    """One page out of rows[first:last] (oldest first, or as they stand when not `newest_first`)."""
    limit = _limit(params)
    after, before = params.get("starting_after"), params.get("ending_before")
    if after and before:
        raise invalid("You cannot use both `starting_after` and `ending_before`.", param="ending_before")
    # The page is taken from the cursor on, walking either towards older or towards newer rows.
    walks_down = newest_first == (not before)
    if after or before:
        place = _place(rows, kind, str(after or before), "starting_after" if after else "ending_before")
        first, last = (first, min(last, place)) if walks_down else (max(first, place + 1), last)
    walk = range(last - 1, first - 1, -1) if walks_down else range(first, last)
    found = _take((rows[index] for index in walk), passes, limit + 1)
    has_more = len(found) > limit
    found = found[:limit][::-1] if before else found[:limit]
    return {"object": "list", "data": [shown(state, obj) for obj in found], "has_more": has_more, "url": url}


def _take(rows: Iterable[StripeObject], passes: Sequence[Test], count: int) -> list[StripeObject]:
    found: list[StripeObject] = []
    for obj in rows:
        if all(test(obj) for test in passes):
            found.append(obj)
            if len(found) == count:
                break
    return found


def _place(rows: Sequence[StripeObject], kind: str, id_: str, param: str) -> int:
    for index, obj in enumerate(rows):
        if obj["id"] == id_:
            return index
    raise no_such(kind, id_, param=param, status=400)


def _limit(params: StripeObject) -> int:
    limit = integer(params, "limit", DEFAULT_LIMIT) or 0
    if limit < 1:
        raise invalid("This value must be greater than or equal to 1.", param="limit", code="parameter_invalid_integer")
    if limit > LARGEST_LIMIT:
        raise invalid(
            f"This value must be less than or equal to {LARGEST_LIMIT}.",
            param="limit",
            code="parameter_invalid_integer",
        )
    return limit
