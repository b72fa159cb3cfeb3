"""Event destinations of API v2: addresses that get thin events, or snapshots as webhook endpoints do."""

from sandbox.billing.params import list_of, merge_metadata, metadata, required
from sandbox.billing.refusals import addressed, invalid
from sandbox.objects import StripeObject
from sandbox.state import API_VERSION, State
from sandbox.thin_events import iso
from sandbox.webhook_endpoints import DESTINATION, SECRET

SHOWS_SECRET, SHOWS_URL = "webhook_endpoint.signing_secret", "webhook_endpoint.url"


def create_event_destination(state: State, params: StripeObject) -> StripeObject:
    """A new destination. Only this answer carries its secret, when `include` asks for it."""
    payload, events = str(required(params, "event_payload")), required(params, "enabled_events")
    if payload not in {"snapshot", "thin"}:
        raise invalid("Invalid event_payload: must be one of snapshot, thin", param="event_payload")
    if required(params, "type") != "webhook_endpoint":
        raise invalid("The sandbox sends to webhook endpoints only.", param="type")
    url = str(required(params.get("webhook_endpoint") or {}, "url"))
    if not url.startswith(("http://", "https://")):
        raise invalid(
            "Invalid URL: An explicit scheme (such as https) must be provided.", param="webhook_endpoint[url]"
        )
    made = state.put(
        {
            "id": state.new_id("ed"),
            "object": DESTINATION,
            "created": iso(state.now),
            "description": params.get("description") or "",
            "enabled_events": [str(one) for one in events],
            "event_payload": payload,
            "events_from": None,
            "livemode": False,
            "metadata": metadata(params),
            "name": str(required(params, "name")),
            "snapshot_api_version": API_VERSION if payload == "snapshot" else None,
            "status": "enabled",
            "status_details": None,
            "type": "webhook_endpoint",
            "updated": iso(state.now),
            "webhook_endpoint": {"signing_secret": None, "url": url},
        }
    )
    secret = state.new_id("whsec")
    state.put({"id": made["id"], "object": SECRET, "secret": secret})
    return _shown(made, params, secret)


def read_event_destination(state: State, id_: str, params: StripeObject) -> StripeObject:
    """One destination; its address when `include` asks for it, never its secret."""
    return _shown(addressed(state, DESTINATION, id_), params, None)


def list_event_destinations(state: State, params: StripeObject) -> list[StripeObject]:
    """All of them, the newest first."""
    return [_shown(one, params, None) for one in reversed(state.objects[DESTINATION].values())]


def update_event_destination(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Another name, other events, another address."""
    found = addressed(state, DESTINATION, id_)
    for key in ("description", "name"):
        found[key] = str(params.get(key, found[key]))
    if "enabled_events" in params:
        found["enabled_events"] = [str(one) for one in list_of(params, "enabled_events")]
    if params.get("webhook_endpoint"):
        found["webhook_endpoint"] = {"signing_secret": None, "url": str(required(params["webhook_endpoint"], "url"))}
    merge_metadata(found, params)
    found["updated"] = iso(state.now)
    return _shown(found, params, None)


def enable_event_destination(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Events are sent there again."""
    addressed(state, DESTINATION, id_).update(status="enabled", status_details=None, updated=iso(state.now))
    return read_event_destination(state, id_, params)


def disable_event_destination(state: State, id_: str, params: StripeObject) -> StripeObject:
    """Nothing is sent there until it is enabled."""
    details = {"disabled": {"reason": "user"}}
    addressed(state, DESTINATION, id_).update(status="disabled", status_details=details, updated=iso(state.now))
    return read_event_destination(state, id_, params)


def delete_event_destination(state: State, id_: str, _params: StripeObject) -> StripeObject:
    """Nothing is sent there any more."""
    addressed(state, DESTINATION, id_)
    del state.objects[DESTINATION][id_]
    del state.objects[SECRET][id_]
    return {"id": id_, "object": DESTINATION}


def _shown(found: StripeObject, params: StripeObject, secret: str | None) -> StripeObject:
    include = set(list_of(params, "include"))
    address = {
        "signing_secret": secret if SHOWS_SECRET in include else None,
        "url": found["webhook_endpoint"]["url"] if SHOWS_URL in include else None,
    }
    return found | {"webhook_endpoint": address}
