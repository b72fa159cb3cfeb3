"""Thin events: what happened and to which object, without the object; the same happenings as the snapshots tell, in API v2's form."""

from datetime import UTC, datetime

from sandbox.objects import StripeObject

THIN_EVENT = "v2.core.event"
_PREFIX, _THIN_PREFIX = "evt_", "evt_test_"


def thin_id(snapshot_id: str) -> str:
    """The thin event's own id; both tell of the same happening."""
    return _THIN_PREFIX + snapshot_id.removeprefix(_PREFIX)


def snapshot_id(thin: str) -> str:
    """The id of the snapshot that tells of the same; of an id that is none of ours, something that nobody has."""
    return _PREFIX + thin.removeprefix(_THIN_PREFIX) if thin.startswith(_THIN_PREFIX) else ""


def thin_type(snapshot_type: str) -> str:
    """The type as thin events have it."""
    return f"v1.{snapshot_type}"


def is_thin_only(snapshot: StripeObject) -> bool:
    """Whether no snapshot tells of it."""
    return "thin_data" in snapshot


def thin_event(snapshot: StripeObject, *, with_data: bool = False) -> StripeObject:
    """What API v2 tells of an event: its object by kind, id and address, the request that caused it; data only to who reads it."""
    subject, request = snapshot["data"]["object"], snapshot["request"]
    kind, id_ = subject["object"], subject.get("id")
    caused_by = {"id": request["id"], "idempotency_key": request["idempotency_key"] or ""}
    return {
        "id": thin_id(snapshot["id"]),
        "object": THIN_EVENT,
        "changes": None,
        "context": None,
        "created": iso(snapshot["created"]),
        "livemode": False,
        "reason": {"type": "request", "request": caused_by} if request["id"] else None,
        "related_object": {"id": id_, "type": kind, "url": f"/v1/{kind.replace('.', '/')}s/{id_}"} if id_ else None,
        "snapshot_event": None if is_thin_only(snapshot) else snapshot["id"],
        "type": thin_type(snapshot["type"]),
        **({"data": snapshot["thin_data"]} if with_data and is_thin_only(snapshot) else {}),
    }


def iso(at: int) -> str:
    """Unix seconds as API v2 writes moments."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%S.000Z}"
