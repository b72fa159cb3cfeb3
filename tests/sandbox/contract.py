"""Stripe's API description as a judge of traffic: what a request or an answer has that Stripe's would not, sentence by sentence."""

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from sandbox.http.forms import MULTIPART, decode, decode_multipart
from sandbox.http.service import Exchange

Schema = dict[str, Any]
# In a form everything is a string; these are the strings that stand for another type.
AS_STRINGS: dict[str, Schema] = {
    "boolean": {"enum": ["true", "false"]},
    "integer": {"type": "string", "pattern": r"^-?\d+$"},
    "number": {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"},
}

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HOME = "urn:stripe"  # where references find the components
V2_LIST = {"data", "next_page_url", "previous_page_url"}  # which the description takes for a list of API v1
TOMBSTONE = {"id", "object", "deleted"}


class Contract:
    """The description at `path`. Objects may have no member, and open enums no value, that it does not know."""

    def __init__(self, path: Path) -> None:
        self._spec = json.loads(path.read_text(encoding="utf-8"))
        self._components = {name: _strict(schema) for name, schema in self._spec["components"]["schemas"].items()}
        # Declined cards come with their charge and payment intent, which the description leaves out.
        self._components["error"]["properties"]["error"]["additionalProperties"] = True
        # Each type of thin event adds what it is about.
        self._components["v2.core.event"]["properties"] |= {"related_object": {}, "data": {}}
        described = {"$schema": DIALECT, "components": {"schemas": self._components}}
        self._registry = jsonschema_rs.Registry([(HOME, described)])
        self._operations = sorted(self._read_operations(), key=lambda found: found[1].count("{"))

    def _read_operations(self) -> Iterator[tuple[str, str, re.Pattern[str], Schema]]:
        for path, methods in self._spec["paths"].items():
            pattern = re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(path)))
            for method, operation in methods.items():
                yield method.upper(), path, pattern, operation

    @cache  # noqa: B019  # one contract lives as long as the test session
    def _operation(self, method: str, path: str) -> tuple[str, Schema] | None:
        return next(
            (
                (f"{verb} {template}", operation)
                for verb, template, pattern, operation in self._operations
                if verb == method and pattern.fullmatch(path)
            ),
            None,
        )

    @cache  # noqa: B019  # as above
    def _judge(self, schema: str) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(json.loads(schema), registry=self._registry)

    def _problems(self, where: str, schema: Schema, value: Any) -> list[str]:
        judge = self._judge(json.dumps(schema).replace('"#/components/', f'"{HOME}#/components/'))
        return [
            f"{where}: {'.'.join(map(str, found.instance_path)) or 'the whole'}: {found.message[:200]}"
            for found in judge.iter_errors(value)
        ]

    def request_problems(self, exchange: Exchange) -> list[str]:
        """What Stripe would not understand of a request."""
        found = self._operation(exchange.method, unquote(exchange.path))
        if found is None:
            return [f"Stripe has no {exchange.method} {exchange.path}"]
        where, operation = found
        content_type = exchange.headers.get("content-type", "")
        if content_type.startswith("application/json"):
            return self._problems(where, _strict(_taken(operation)), json.loads(exchange.sent or b"{}"))
        if content_type.startswith(MULTIPART):
            # The description says nothing about what a file is.
            sent = decode_multipart(content_type, exchange.sent) | {"file": ""}
        else:
            sent = decode("&".join(filter(None, (exchange.query, exchange.sent.decode()))))
        if exchange.path.startswith("/v2/"):
            sent.pop("page", None)  # the addresses of further pages come from Stripe itself
        return self._problems(where, _in_strings(_taken(operation)), sent)

    def answer_problems(self, exchange: Exchange) -> list[str]:
        """What Stripe would not have answered to this request."""
        if not exchange.answered:
            return []  # a fault closed the connection
        answered = json.loads(exchange.answered)
        if exchange.status == 200 and answered.keys() == V2_LIST:
            return [problem for row in answered["data"] for problem in self.object_problems(row)]
        if exchange.status != 200:
            return self._problems(f"{exchange.method} {exchange.path}", _component("error"), answered)
        if answered.get("deleted"):
            return [] if answered.keys() == TOMBSTONE else [f"{exchange.path}: {answered} is no tombstone"]
        found = self._operation(exchange.method, unquote(exchange.path))
        if found is None:
            return [f"Stripe has no {exchange.method} {exchange.path}"]
        where, operation = found
        [content] = operation["responses"]["200"]["content"].values()
        problems = self._problems(where, _strict(content["schema"]), answered)
        # The stream of meter events answers with nothing at all.
        rows = answered["data"] if answered.get("object") == "list" else [answered]
        for event in (row for row in rows if row.get("object") == "event"):
            problems += self.object_problems(event["data"]["object"])
        return problems

    def object_problems(self, obj: dict[str, Any]) -> list[str]:
        """What Stripe's object of this kind would not be like."""
        return self._problems(obj["object"], _component(obj["object"]), obj)

    def absent(self, obj: Any, example: Any, schemas: list[Schema] | None = None, path: str = "") -> Iterator[str]:
        """Members that Stripe's own example of an object has and the description knows, but this object has not."""
        schemas = [_component(obj["object"])] if schemas is None else schemas
        if not (isinstance(obj, dict) and isinstance(example, dict)):
            return
        members: dict[str, list[Schema]] = {}
        for schema in self._options(schemas):
            for name, member in schema.get("properties", {}).items():
                members.setdefault(name, []).append(member)
        for name in members.keys() & example.keys():
            if name not in obj:
                yield f"{path}{name}"
            else:
                yield from self.absent(obj[name], example[name], members[name], f"{path}{name}.")

    def _options(self, schemas: list[Schema]) -> Iterator[Schema]:
        """What the schemas allow, without references and alternatives."""
        for schema in schemas:
            if "$ref" in schema:
                yield from self._options([self._components[schema["$ref"].rpartition("/")[2]]])
            elif "anyOf" in schema:
                yield from self._options(schema["anyOf"])
            else:
                yield schema


def _component(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _taken(operation: Schema) -> Schema:
    """The parameters of an operation as one object."""
    in_query = [one for one in operation.get("parameters", []) if one["in"] == "query"]
    query = {
        "type": "object",
        "properties": {one["name"]: one["schema"] for one in in_query},
        "required": [one["name"] for one in in_query if one["required"]],
        "additionalProperties": False,
    }
    for body in operation.get("requestBody", {}).get("content", {}).values():
        return dict(body["schema"])
    return query


def _strict(node: Any) -> Any:
    """The description's schema as JSON Schema: null where it says so, open enums and objects closed."""
    if isinstance(node, list):
        return [_strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    found = {name: _strict(value) for name, value in node.items() if name != "nullable" and not name.startswith("x-")}
    if isinstance(node.get("x-known-values"), list):
        found["enum"] = node["x-known-values"]
    if isinstance(node.get("properties"), dict) and node.get("type") == "object":
        found.setdefault("additionalProperties", False)
    return {"anyOf": [found, {"type": "null"}]} if node.get("nullable") is True else found


def _in_strings(node: Any) -> Any:
    """A schema for what a form says: numbers and booleans are strings there."""
    node = _strict(node)
    if isinstance(node, list):
        return [_in_strings(one) for one in node]
    if not isinstance(node, dict):
        return node
    kind = node.get("type")
    if isinstance(kind, str) and kind in AS_STRINGS and "properties" not in node:
        return AS_STRINGS[kind]
    return {name: _in_strings(value) for name, value in node.items()}
