"""The changes between two OpenAPI documents that break clients: each is a line that names what changed, and where."""

from collections.abc import Iterator, Mapping
from typing import Any

Json = Mapping[str, Any]

#: Levels of schemas in schemas that are compared.
MAX_DEPTH = 12
_COMBINATIONS = ("oneOf", "anyOf", "allOf")


def breaking_changes(old: Json, new: Json) -> list[str]:
    """List what a client of the `old` document can no longer send, read or call by the `new` one."""
    return sorted({*_Comparison(old, new).changes()})


class _Comparison:
    """Two documents, and what was compared already."""

    def __init__(self, old: Json, new: Json) -> None:
        self._old, self._new = old, new
        self._compared: set[tuple[str, bool]] = set()

    def changes(self) -> Iterator[str]:
        yield from _removed(
            "schema", self._old["components"]["schemas"], self._new["components"]["schemas"], "document"
        )
        for path, operations in self._old["paths"].items():
            for method, operation in operations.items():
                where = f"{method.upper()} {path}"
                present = self._new["paths"].get(path, {}).get(method)
                if present is None:
                    yield f"{where}: operation removed"
                else:
                    yield from self._operation(where, operation, present)

    def _operation(self, where: str, old: Json, new: Json) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{where}: operationId {old['operationId']} becomes {new['operationId']}"
        if not old["security"] and new["security"]:
            yield f"{where}: requires authentication now"
        yield from self._parameters(where, self._parameters_of(self._old, old), self._parameters_of(self._new, new))
        yield from self._request(where, old.get("requestBody"), new.get("requestBody"))
        for status, response in old["responses"].items():
            if status not in new["responses"]:
                yield f"{where}: response {status} removed"
            else:
                yield from self._response(f"{where} {status}", response, new["responses"][status])

    def _parameters(self, where: str, old: Json, new: Json) -> Iterator[str]:
        yield from _removed("parameter", old, new, where)
        for name, parameter in new.items():
            if parameter.get("required") and not old.get(name, {}).get("required"):
                yield f"{where}: parameter {name} is required now"
            if name in old:
                yield from self._schema(f"{where} {name}", old[name]["schema"], parameter["schema"], is_request=True)

    def _request(self, where: str, old: Json | None, new: Json | None) -> Iterator[str]:
        if old is None:
            if new is not None and new.get("required"):
                yield f"{where}: a body is required now"
        elif new is None:
            yield f"{where}: body removed"
        else:
            yield from self._content(f"{where} body", old["content"], new["content"], is_request=True)

    def _response(self, where: str, old: Json, new: Json) -> Iterator[str]:
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        yield from _removed("header", old.get("headers", {}), new.get("headers", {}), where)
        yield from self._content(where, old.get("content", {}), new.get("content", {}), is_request=False)

    def _content(self, where: str, old: Json, new: Json, *, is_request: bool) -> Iterator[str]:
        yield from _removed("media type", old, new, where)
        for media_type in old.keys() & new.keys():
            schemas = old[media_type]["schema"], new[media_type]["schema"]
            yield from self._schema(where, *schemas, is_request=is_request)

    def _schema(self, where: str, old: Json, new: Json, *, is_request: bool, depth: int = 0) -> Iterator[str]:
        reference = old.get("$ref", "")
        if (reference and (reference, is_request) in self._compared) or depth > MAX_DEPTH:
            return
        if reference:
            self._compared.add((reference, is_request))
            where = reference.rpartition("/")[2]
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        yield from _values(where, old, new, is_request=is_request)
        yield from _fields(where, old, new, is_request=is_request)
        for name, pair in _pairs(old, new).items():
            yield from self._schema(f"{where}{name}", *pair, is_request=is_request, depth=depth + 1)

    @staticmethod
    def _parameters_of(document: Json, operation: Json) -> dict[str, Json]:
        resolved = (_resolved(document, parameter) for parameter in operation.get("parameters", ()))
        return {f"{parameter['in']} {parameter['name']}": parameter for parameter in resolved}


def _resolved(document: Json, described: Json) -> Json:
    if "$ref" not in described:
        return described
    _, _, kind, name = described["$ref"].split("/")
    component: Json = document["components"][kind][name]
    return component


def _removed(kind: str, old: Json, new: Json, where: str) -> Iterator[str]:
    return (f"{where}: {kind} {name} removed" for name in old if name not in new)


def _values(where: str, old: Json, new: Json, *, is_request: bool) -> Iterator[str]:
    """Changes of the type and of the values that there are."""
    if old.get("type") != new.get("type"):
        yield f"{where}: type {old.get('type')} becomes {new.get('type')}"
    if "enum" in old and "enum" in new:
        yield from (f"{where}: value {value} removed" for value in old["enum"] if value not in new["enum"])
    elif is_request and "enum" in new:
        yield f"{where}: only {', '.join(map(str, new['enum']))} from now on"


def _fields(where: str, old: Json, new: Json, *, is_request: bool) -> Iterator[str]:
    """Changes of which fields there are, and which are required."""
    before, after = {*old.get("required", ())}, {*new.get("required", ())}
    fields = old.get("properties", {})
    yield from _removed("field", fields, new.get("properties", {}), where)
    if is_request:
        yield from (f"{where}: field {name} is required now" for name in after - before)
    else:
        yield from (f"{where}: field {name} may be missing now" for name in (before - after) & fields.keys())
    for kind in _COMBINATIONS:
        yield from _removed("alternative", _by_name(old, kind), _by_name(new, kind), where)


def _pairs(old: Json, new: Json) -> dict[str, tuple[Json, Json]]:
    """The schemas in these schemas that both have, by what stands for each in the address of a change."""
    fields, present = old.get("properties", {}), new.get("properties", {})
    pairs = {f".{name}": (fields[name], present[name]) for name in fields if name in present}
    if "items" in old and "items" in new:
        pairs["[]"] = (old["items"], new["items"])
    for kind in _COMBINATIONS:
        schemas, others = _by_name(old, kind), _by_name(new, kind)
        pairs |= {f"({name})": (schemas[name], others[name]) for name in schemas if name in others}
    return pairs


def _by_name(schema: Json, kind: str) -> dict[str, Json]:
    """The schemas of a combination, by their references, or by their places."""
    schemas = schema.get(kind, ())
    return {str(each.get("$ref", place)).rpartition("/")[2]: each for place, each in enumerate(schemas)}
