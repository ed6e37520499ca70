"""The header of a script is its contract: header, body and declaration are compared."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path, PurePath
from typing import Any

import pytest

from exactly_once.declarations import ERASED, EXPIRED, KEY_REUSED, RATE_LIMITED, WriteDeclaration
from exactly_once.scripts import WRITE_ARGV, WRITE_KEYS
from shop.repositories.scripts import shop_scripts
from tests.architecture.sources import ROOT, modules, scripts, strings

NAME = re.compile(r"[a-z][a-z_]*")
ENTITIES = (
    "user",
    "users",
    "token",
    "secret",
    "api_key",
    "product",
    "products",
    "purchase",
    "purchases",
    "return",
    "payment",
    "refund",
    "facet",
    "ids",
    "reset",
    "registration",
    "audit",
    "refusals",
    "cart",
    "voucher",
    "vouchers",
    "shipping_method",
    "address",
    "payment",
    "refund",
    "return",
    "delivery",
    "webhook",
    "event",
    "work",
    "endpoint",
    "transfer",
)
#: What write.lua gives to the scripts behind it.
PROLOGUE = {*WRITE_KEYS, *WRITE_ARGV, "answer", "answer_about", "refuse", "reply"}
PROLOGUE |= {"record_change", "append_to_journal"}
ENGINE_PARTS = ROOT / "exactly_once" / "lua" / "parts"


@dataclass(frozen=True)
class Script:
    """A Lua file taken apart. `replies` are the tags of the header, and of each whether a repeat gets it again."""

    header: str
    body: str

    @classmethod
    def of(cls, text: str) -> "Script":
        lines = text.splitlines()
        end = next(place for place, line in enumerate(lines) if not line.startswith("--"))
        return cls("\n".join(lines[:end]), "\n".join(lines[end:]))

    def names(self, kind: str) -> list[str]:
        return [name for line in re.findall(rf"^-- {kind}: (.*)$", self.header, re.MULTILINE) for name in line.split()]

    @property
    def is_write(self) -> bool:
        return "-- Replies:" in self.header

    @property
    def replies(self) -> dict[str, bool]:
        lines = re.findall(r"^--   ([A-Z_]+)(.*)$", self.header, re.MULTILINE)
        return {tag: not rest.startswith(", not recorded") for tag, rest in lines}

    @property
    def code(self) -> str:
        """The body without comments and texts."""
        return re.sub(r"--.*|'(\\.|[^'\\])*'", "", self.body)

    def refused(self) -> set[str]:
        """The tags of refusals."""
        return set(re.findall(r"\brefuse\('([A-Z_]+)'", self.body))

    def given(self) -> dict[str, bool]:
        """The tags that the body replies with, and of each whether it is recorded."""
        recorded = re.findall(r"\banswer(?:_about\([^,]+, |\()'([A-Z_]+)'", self.body)
        recorded += self.refused()
        return {**dict.fromkeys(recorded, True), **dict.fromkeys(re.findall(r"\breply\('([A-Z_]+)'", self.body), False)}


def parts_of(folder: Path) -> dict[str, Script]:
    return {f"parts/{path.name}": Script.of(path.read_text("utf-8")) for path in sorted(folder.glob("*.lua"))}


SCRIPTS = {path: Script.of(text) for path, text in scripts().items()}
PARTS = {**{path: script for path, script in SCRIPTS.items() if "/" in path}, **parts_of(ENGINE_PARTS)}
OPERATIONS = {path: script for path, script in SCRIPTS.items() if "/" not in path}
WRITES = {path: script for path, script in OPERATIONS.items() if script.is_write}
READS = {path: script for path, script in OPERATIONS.items() if not script.is_write}
EVERY = {**OPERATIONS, **PARTS}
DECLARATIONS = [
    value
    for module in (
        "users",
        "erasures",
        "user_tokens",
        "api_keys",
        "secret_slots",
        "products",
        "product_batches",
        "purchases",
        "unpaid_purchases",
        "returns",
        "carts",
        "checkouts",
        "addresses",
        "shipping_methods",
        "vouchers",
        "audit",
        "journal",
        "accounts",
        "figures",
        "endpoints",
        "deliveries",
        "payment_writes",
        "transfer_writes",
    )
    for value in vars(import_module(f"shop.repositories.{module}")).values()
    if isinstance(value, WriteDeclaration)
]


def used(script: Script) -> dict[str, Script]:
    return {part: PARTS[f"parts/{part}.lua"] for part in script.names("Uses")}


def offenders(scripts: dict[str, Script], fault: Callable[[str, Script], object]) -> list[tuple[str, object]]:
    return [(path, found) for path, script in scripts.items() if (found := fault(path, script))]


def missing(wanted: Iterable[str], code: str) -> list[str]:
    return [name for name in wanted if not re.search(rf"\b{name}\b", code)]


def test_a_header_begins_with_the_name_of_its_script_and_what_it_does():
    assert offenders(EVERY, lambda path, s: not re.match(rf"-- {PurePath(path).stem}: \w+", s.header)) == []


def test_a_script_is_named_by_its_entity_and_its_operation():
    assert [path for path in OPERATIONS if not path.startswith(tuple(f"{entity}_" for entity in ENTITIES))] == []


def test_a_header_has_no_line_without_a_meaning():
    known = re.compile(r"-- (KEYS|ARGV|Uses|Subject|Needs|Gives): |-- Replies:$|--   [A-Z_]+|-- [^\s:]")
    assert offenders(EVERY, lambda _, s: [line for line in s.header.splitlines() if not known.match(line)]) == []


def test_the_names_of_keys_and_arguments_are_names_and_occur_once():
    def faults(_: str, script: Script) -> list[str]:
        names = [*script.names("KEYS"), *script.names("ARGV")]
        return [name for name in names if not NAME.fullmatch(name) or names.count(name) > 1]

    assert offenders(OPERATIONS, faults) == []


def test_every_key_and_argument_of_the_header_is_used():
    def unused(_: str, script: Script) -> list[str]:
        code = "\n".join([script.code, *(part.code for part in used(script).values())])
        return missing([*script.names("KEYS"), *script.names("ARGV")], code)

    assert offenders(OPERATIONS, unused) == []


def test_a_body_knows_its_keys_and_arguments_by_name_only():
    assert offenders(EVERY, lambda _, s: re.findall(r"\b(?:KEYS|ARGV)\b", s.code)) == []


def test_a_body_gives_the_names_of_the_header_no_other_meaning():
    def shadowed(_: str, script: Script) -> set[str]:
        lines = re.findall(r"^local ([\w, ]+)", script.code, re.MULTILINE)
        locals_ = {name for names in lines for name in names.split(", ")}
        return locals_ & {*script.names("KEYS"), *script.names("ARGV")}

    assert offenders(OPERATIONS, shadowed) == []


def test_a_script_has_before_it_whatever_its_parts_need():
    def lacking(_: str, script: Script) -> list[str]:
        known = {*script.names("KEYS"), *script.names("ARGV"), *(PROLOGUE if script.is_write else ())}
        lacks = []
        for name, part in used(script).items():
            lacks += [f"{name} needs {need}" for need in part.names("Needs") if need not in known]
            known |= set(part.names("Gives"))
        return lacks

    assert offenders(OPERATIONS, lacking) == []


def test_a_part_defines_what_it_gives_and_uses_what_it_needs():
    def faults(_: str, part: Script) -> list[str]:
        defined = set(re.findall(r"^local (?:function )?(\w+)", part.code, re.MULTILINE))
        defined |= {name for names in re.findall(r"^local ([\w, ]+) =", part.code, re.M) for name in names.split(", ")}
        return [
            *(name for name in part.names("Gives") if name not in defined),
            *missing(part.names("Needs"), part.code),
        ]

    assert offenders(PARTS, faults) == []


def test_what_a_part_gives_is_used_by_a_script():
    code = "\n".join(script.code for script in SCRIPTS.values())
    assert offenders(PARTS, lambda _, part: missing(part.names("Gives"), code)) == []


def test_every_part_is_used_by_a_script():
    assert {PurePath(path).stem for path in PARTS} == {part for s in OPERATIONS.values() for part in s.names("Uses")}


def test_a_write_gives_the_replies_of_its_header_and_no_others():
    def differing(_: str, script: Script) -> object:
        given = {
            **script.given(),
            **{tag: kind for part in used(script).values() for tag, kind in part.given().items()},
        }
        return given != script.replies and (given, script.replies)

    assert offenders(WRITES, differing) == []


def test_every_way_out_of_a_write_is_a_reply():
    def others(_: str, script: Script) -> list[str]:
        outermost = re.sub(r"^local function.*?^end$", "", script.body, flags=re.MULTILINE | re.DOTALL)
        # `refusal`, `failed` and `changed` are replies that a part has made.
        return re.findall(
            r"\breturn (?!answer\(|answer_about\(|refuse\(|reply\(|refusal\b|failed\b|changed\b).*", outermost
        )

    assert offenders(WRITES, others) == []
    assert offenders(WRITES, lambda _, s: not re.match(r"return (answer\w*|reply)\(", s.body.splitlines()[-1])) == []


def test_a_write_whose_outcomes_hold_personal_data_names_the_subject():
    def differing(_: str, script: Script) -> bool:
        subjects = set(re.findall(r"\banswer_about\((?:\w+ and )?(\w+)", script.body))
        return subjects != set(script.names("Subject"))

    assert offenders(WRITES, differing) == []


def test_every_write_is_declared_as_its_header_says():
    known = shop_scripts()
    assert [line for declaration in DECLARATIONS for line in known[declaration.script].differences(declaration)] == []
    assert {f"{declaration.script}.lua" for declaration in DECLARATIONS} == set(WRITES)


def test_a_refusal_is_recorded_as_one_and_nothing_else_is():
    def differing(declaration: WriteDeclaration[Any]) -> object:
        script = OPERATIONS[f"{declaration.script}.lua"]
        given = set().union(script.refused(), *(part.refused() for part in used(script).values()))
        declared = {tag for tag, outcome in declaration.replies.items() if outcome.is_refusal}
        return given != declared and (declaration.script, given, declared)

    assert [found for declaration in DECLARATIONS if (found := differing(declaration))] == []


def test_no_declaration_names_a_reply_of_the_engine():
    assert [d.script for d in DECLARATIONS if {KEY_REUSED, ERASED, EXPIRED, RATE_LIMITED} & set(d.replies)] == []


def test_a_read_records_nothing():
    assert offenders(READS, lambda _, s: re.findall(r"\b(?:answer|refuse|reply)\(", s.code)) == []


def test_a_business_refusal_is_no_error_of_the_server():
    assert offenders(EVERY, lambda _, s: re.findall(r"error_reply|status_reply|\berror\(", s.code)) == []


def test_no_script_runs_a_command_whose_cost_grows_with_the_server():
    assert offenders(EVERY, lambda _, s: re.findall(r"'(KEYS|SCAN|FLUSHALL|FLUSHDB)'", s.body)) == []


def test_every_read_script_is_run_by_a_repository():
    said = {text for module in modules("shop").values() for text in strings(module)}
    assert [path for path in READS if PurePath(path).stem not in said] == []


@pytest.mark.parametrize("fault", ["keys", "arguments", "subject", "replies"])
def test_a_declaration_that_differs_from_its_header_is_found(fault):
    header = shop_scripts()["user_set_role"]
    declared = next(declaration for declaration in DECLARATIONS if declaration.script == "user_set_role")
    changes: dict[str, Any] = {
        "keys": {"keys": ()},
        "arguments": {"args": ()},
        "subject": {"subject": ""},
        "replies": {"replies": {}},
    }
    kept = {name: getattr(declared, name) for name in ("script", "keys", "args", "replies", "subject", "is_optimistic")}
    (line,) = header.differences(WriteDeclaration(**(kept | changes[fault])))
    assert fault in line
