"""The API reference, as pages: one for each group of operations of clients/openapi.json, and one for the schemas."""

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docsite.repository import ROOT

DOCUMENT = ROOT / "clients" / "openapi.json"
TITLES = {"api_keys": "API keys", "auth": "Signing in"}
METHODS = ("get", "post", "put", "patch", "delete")

Json = Mapping[str, Any]


@functools.cache
def document() -> Any:
    """The OpenAPI document."""
    return json.loads(DOCUMENT.read_text("utf-8"))


def pages() -> dict[str, str]:
    """The pages by their names, in the order in which a reader needs them."""
    groups = {f"api/{_file(tag['name'])}.md": group_page(tag) for tag in document()["tags"]}
    return {"api/index.md": introduction(), **groups, "api/schemas.md": schemas_page()}


def introduction() -> str:
    """What holds for all operations, and where each group is."""
    tags = document()["tags"]
    groups = [_row(f"[{_title(tag['name'])}]({_file(tag['name'])}.md)", tag["description"]) for tag in tags]
    schemas = _row("[Schemas](schemas.md)", "What bodies of requests and responses have.")
    table = _table(("group", "what"), [*groups, schemas])
    text = document()["info"]["description"]
    return f"# API reference\n\n{text}\n## Operations\n\n{table}\nA running shop has them at `/api/docs/`.\n"


def group_page(tag: Json) -> str:
    """The operations of one group."""
    found = [
        (method, path, item[method])
        for path, item in document()["paths"].items()
        for method in METHODS
        if tag["name"] in item.get(method, {}).get("tags", ())
    ]
    rows = [
        _row(f"`{method.upper()}`", f"`{path}`", f"[{op['summary']}](#{_anchor(op)})") for method, path, op in found
    ]
    overview = _table(("method", "path", "what"), rows)
    texts = [_operation(method, path, operation) for method, path, operation in found]
    return "\n".join([f"# {_title(tag['name'])}\n\n{tag['description']}\n", overview, *texts])


def schemas_page() -> str:
    """All schemas, in the order of their names."""
    schemas = document()["components"]["schemas"]
    return "# Schemas\n\n" + "\n".join(_schema(name, schemas[name]) for name in sorted(schemas))


def _operation(method: str, path: str, operation: Json) -> str:
    parts = [
        f'## {operation["summary"]}\n\n<a id="{_anchor(operation)}"></a>`{method.upper()} {path}`\n',
        f"{operation.get('description', '')}\n",
        _parameters(operation),
        _body(operation),
        _responses(operation),
    ]
    return "\n".join(part for part in parts if part.strip())


def _parameters(operation: Json) -> str:
    rows = [
        _row(f"`{each['name']}`", each["in"], _type(each["schema"]), _required(each), _cell(each.get("description")))
        for each in map(_resolved, operation.get("parameters", ()))
    ]
    return _table(("parameter", "in", "type", "required", "what"), rows, title="Parameters")


def _body(operation: Json) -> str:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if not content:
        return ""
    return f"**Body**: {_type(content['schema'])}\n\n{_example(content)}"


def _responses(operation: Json) -> str:
    responses = {status: _resolved(response) for status, response in operation["responses"].items()}
    rows = [_row(status, _content(each), _cell(each["description"])) for status, each in responses.items()]
    good = [_example(content) for status, each in responses.items() for content in _json(each) if status < "300"]
    return _table(("status", "body", "when"), rows, title="Responses") + "\n" + "".join(good[:1])


def _json(response: Json) -> Iterator[Json]:
    yield from (content for kind, content in response.get("content", {}).items() if kind == "application/json")


def _content(response: Json) -> str:
    return " or ".join(dict.fromkeys(_type(content["schema"]) for content in response.get("content", {}).values()))


def _example(content: Json) -> str:
    for example in map(_resolved, content.get("examples", {}).values()):
        return f"```json\n{json.dumps(example['value'], indent=2, ensure_ascii=False)}\n```\n"
    return ""


def _schema(name: str, schema: Json) -> str:
    properties, required = _properties(schema)
    rows = [
        _row(f"`{field}`", _type(each), "yes" if field in required else "", _cell(each.get("description")))
        for field, each in properties.items()
    ]
    fields = _table(("field", "type", "required", "what"), rows) or f"{_type(schema)}\n"
    return "\n".join([f"## {name}\n", f"{schema.get('description', '')}\n", fields])


def _properties(schema: Json) -> tuple[dict[str, Json], set[str]]:
    """The fields of an object with those of what it extends, and which of them are required."""
    properties: dict[str, Json] = {}
    required = set(schema.get("required", ()))
    for part in schema.get("allOf", ()):
        inherited, needed = _properties(_resolved(part))
        properties |= inherited
        required |= needed
    return properties | schema.get("properties", {}), required


def _type(schema: Json) -> str:
    """The type of a value, in the words of a cell."""
    if "$ref" in schema and schema["$ref"].startswith("#/components/schemas/"):
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](schemas.md#{name.lower()})"
    for several in ("oneOf", "anyOf"):
        if several in schema:
            return " or ".join(map(_type, schema[several]))
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    types = schema.get("type", "any")
    words = " or ".join([types] if isinstance(types, str) else types)
    return " ".join([words, *_bounds(schema)])


def _bounds(schema: Json) -> Sequence[str]:
    form = [f"({schema['format']})"] if "format" in schema else []
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is not None and most is not None:
        form.append(f"{least:,} to {most:,}")
    if "maxLength" in schema:
        form.append(f"up to {schema['maxLength']:,} characters")
    return form


def _resolved(part: Json) -> Json:
    if "$ref" not in part:
        return part
    found = document()
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    resolved: Json = found
    return resolved


def _required(parameter: Json) -> str:
    return "yes" if parameter.get("required") else ""


def _table(headings: Sequence[str], rows: Sequence[str], *, title: str = "") -> str:
    if not rows:
        return ""
    head = [f"**{title}**\n"] if title else []
    return "\n".join([*head, _row(*headings), "|---" * len(headings) + "|", *rows, ""])


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").replace("|", "\\|")


def _anchor(operation: Json) -> str:
    return str(operation["operationId"])


def _title(tag: str) -> str:
    return TITLES.get(tag, tag.capitalize())


def _file(tag: str) -> str:
    return tag.replace("_", "-")
