"""Inputs that could be costly: long, deep, many, in many parts, hard to normalise or to parse, alone and together."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
from hypothesis import strategies as st

from tests.unit.api import schema

#: Stands for what no request before had: a SKU, an address.
FRESH = "FRESH"
#: Stands for the id of a product: each time another one.
ANY_PRODUCT = "ANY-PRODUCT"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MAX_PARTS = 3_000

#: What texts are made of: marks in the wrong order, letters that become many, words, patterns, numbers, escapes.
PIECES = (
    *("a", "\u00e9", "\u0315\u0316", "a\u0315\u0316", "\ufdfa", "\u0130", "\ufb03", "\U0001d15f", "\u200b", "\0"),
    *(
        "aaa bbb ",
        "a b c d e f g h ",
        "(a+)+$",
        "a@",
        "a.",
        "../",
        "%25",
        "\\u0041",
        '"',
        "9",
        "1e",
        "-",
        ",",
        ";q=0.1,",
    ),
    *('W/"a", ', "text/html;", "2026-01-01", "0.0", "evk_", "\ud7ff"),
)
PARSED_HEADERS = ("If-Match", "If-None-Match", "Idempotency-Key", "Cookie", "X-Request-ID", "Accept-Language")
DEEP = st.sampled_from(["[]", "{}"])


@dataclass(frozen=True, kw_only=True, slots=True)
class Input:
    """What a request sends beside its method and its path."""

    query: str = ""
    body: bytes = b""
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


def texts(max_parts: int = MAX_PARTS) -> st.SearchStrategy[str]:
    """One or two pieces many times."""
    piece, count = st.sampled_from(PIECES), st.integers(0, max_parts)
    return st.builds(lambda a, b, n, m: a * n + b * m, piece, piece, count, count)


def numbers() -> st.SearchStrategy[str]:
    """Numbers in JSON, with many digits or large exponents."""
    return st.builds(
        lambda sign, digits, exponent: f"{sign}{'9' * digits}{exponent}",
        st.sampled_from(["", "-", "0.", "-0.0"]),
        st.integers(1, MAX_PARTS),
        st.sampled_from(["", "e9", "e308", "e-308", "E+99999", f"e{'9' * 300}"]),
    )


def values() -> st.SearchStrategy[str]:
    """JSON of one value."""
    text = texts().map(_json)
    names = st.integers(0, MAX_PARTS).map(lambda n: "{" + ",".join(f'"{i}":1' for i in range(n)) + "}")
    deep = st.builds(lambda kind, n: kind[0] * n + kind[1] * n, DEEP, st.integers(1, MAX_PARTS))
    long = st.builds(
        lambda one, n: "[" + ",".join([one] * n) + "]", st.one_of(text, st.just("{}")), st.integers(0, 300)
    )
    return st.one_of(text, numbers(), names, deep, long, st.sampled_from(["null", "true", "{}", "[]", '""']))


def queries(operation_id: str) -> st.SearchStrategy[str]:
    """Many parameters of the operation at once, others, and one again and again."""
    parameters = map(schema.resolved, schema.operations().get(operation_id, {}).get("parameters", []))
    named = {each["name"]: _parameter_values(each) for each in parameters if each["in"] == "query"}
    largest_page = {"page_size": st.just("100")} if named.pop("page_size", None) is not None else {}
    known = st.fixed_dictionaries(largest_page, optional=named)
    unknown = st.builds(lambda name, n: [(f"{name}{i}", name) for i in range(n)], texts(40), st.integers(0, 60))
    return st.builds(
        lambda pairs, others: urlencode([*pairs.items(), *others], errors="replace"), known, unknown | st.just([])
    )


def bodies(valid: Mapping[str, Any]) -> st.SearchStrategy[tuple[bytes, str]]:
    """Valid bodies with costly values in one or several fields, others, and what is no JSON."""
    changes = st.dictionaries(st.sampled_from([*valid, "other"]), values(), max_size=3)
    changed = changes.map(lambda some: _object({**{name: _json(value) for name, value in valid.items()}, **some}))
    many = st.builds(
        lambda name, n: "{" + ",".join(f'"{name}{i}":1' for i in range(n)) + "}",
        st.sampled_from("ab"),
        st.integers(1, 9_000),
    )
    junk = st.builds(
        lambda a, n: a * n, st.sampled_from(["[", '{"a":', "1", '"\\u0041', "a=1&", "\\", " "]), st.integers(1, 60_000)
    )
    form = st.builds(
        lambda text, n: "&".join([f"a={text}"] * n), st.sampled_from(["%41" * 20, "+", "b"]), st.integers(1, 3_000)
    )
    raw = st.one_of(changed, values(), many, junk)
    as_json = raw.map(lambda text: (text.encode(errors="replace"), JSON))
    return st.one_of(as_json, form.map(lambda text: (text.encode(), FORM)))


def headers() -> st.SearchStrategy[tuple[tuple[str, str], ...]]:
    """Headers that are parsed; HTML costs most."""
    text = texts(800).map(lambda text: text.encode("ascii", "replace").decode().replace("\0", "0"))
    parsed = dict.fromkeys(PARSED_HEADERS, text)
    accept = st.one_of(st.just("text/html"), st.just("application/json"), text)
    return st.fixed_dictionaries({}, optional={"Accept": accept, **parsed}).map(lambda some: tuple(some.items()))


def inputs(operation_id: str, valid: Mapping[str, Any] | None) -> st.SearchStrategy[Input]:
    """Inputs for this operation; `valid` is a body that it accepts."""
    body = bodies(valid) if valid is not None else st.just((b"", JSON)) | bodies({})
    return st.builds(
        lambda query, body, headers: Input(query=query, body=body[0], content_type=body[1], headers=headers),
        queries(operation_id),
        body,
        headers(),
    )


def _parameter_values(parameter: Mapping[str, Any]) -> st.SearchStrategy[str]:
    choices = [str(choice) for choice in schema.resolved(parameter["schema"]).get("enum", [])]
    words = st.builds(lambda n: " ".join("abcdefgh"[i % 8] * (1 + i % 3) for i in range(n)), st.integers(1, 60))
    amounts = st.integers(0, 10**12).map(lambda n: f"{n / 100:.2f}")
    return st.one_of(st.sampled_from(choices)) if choices else st.one_of(words, amounts, texts())


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _object(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{_json(name)}:{value}" for name, value in members.items()) + "}"
