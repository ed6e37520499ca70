"""The header of a script is its contract: here header and body are held against each other."""

import re
from dataclasses import dataclass
from pathlib import PurePath

import pytest

from tests.architecture.sources import modules, scripts, strings

BEFORE_WRITES = "write.lua"
NAME = re.compile(r"[a-z][a-z_]*")
ENTITIES = ("user", "users", "token", "product", "products", "purchase", "purchases", "facet", "request", "ids")


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


FILES = scripts()
SCRIPTS = {path: Script.of(text) for path, text in FILES.items()}
OPERATIONS = [path for path in SCRIPTS if "/" not in path and path != BEFORE_WRITES]
PARTS = [path for path in SCRIPTS if path.startswith("parts/")]
WRITES = [path for path in OPERATIONS if SCRIPTS[path].is_write]
READS = [path for path in OPERATIONS if not SCRIPTS[path].is_write]

every_operation = pytest.mark.parametrize("path", OPERATIONS)
every_file = pytest.mark.parametrize("path", [*OPERATIONS, *PARTS])


@every_file
def test_a_header_begins_with_the_scripts_name_and_says_what_it_does(path):
    assert re.match(rf"-- {PurePath(path).stem}: \w+", SCRIPTS[path].header)


@every_operation
def test_a_script_is_named_by_what_it_works_on_and_what_it_does(path):
    assert path.startswith(tuple(f"{entity}_" for entity in ENTITIES))


@every_operation
def test_a_header_says_nothing_that_nobody_reads(path):
    known = r"-- (KEYS|ARGV|Uses): |-- Replies:$|--   [A-Z_]+|-- [^\s:]"
    assert [line for line in SCRIPTS[path].header.splitlines() if not re.match(known, line)] == []


@every_operation
def test_the_names_of_keys_and_arguments_are_names_and_each_is_there_once(path):
    names = [*SCRIPTS[path].names("KEYS"), *SCRIPTS[path].names("ARGV")]
    assert all(NAME.fullmatch(name) for name in names)
    assert len(set(names)) == len(names)


@every_operation
def test_every_key_and_argument_of_the_header_is_used(path):
    script = SCRIPTS[path]
    code = "\n".join([script.code, *(SCRIPTS[f"parts/{part}.lua"].code for part in script.names("Uses"))])
    names = [*script.names("KEYS"), *script.names("ARGV")]
    assert [name for name in names if not re.search(rf"\b{name}\b", code)] == []


@every_file
def test_a_body_has_its_keys_and_arguments_by_name_only(path):
    assert not re.search(r"\b(KEYS|ARGV)\b", SCRIPTS[path].code)


@every_operation
def test_a_body_gives_the_names_of_the_header_no_other_meaning(path):
    script = SCRIPTS[path]
    locals_ = {
        name for names in re.findall(r"^local ([\w, ]+)", script.code, re.MULTILINE) for name in names.split(", ")
    }
    assert not locals_ & {*script.names("KEYS"), *script.names("ARGV")}


@pytest.mark.parametrize("path", WRITES)
def test_a_write_gives_the_replies_of_its_header_and_no_others(path):
    answered = set(re.findall(r"\banswer\('([A-Z_]+)'", SCRIPTS[path].body))
    replied = set(re.findall(r"\breply\('([A-Z_]+)'", SCRIPTS[path].body))
    replies = SCRIPTS[path].replies
    assert answered == {tag for tag, is_recorded in replies.items() if is_recorded}
    assert replied == {tag for tag, is_recorded in replies.items() if not is_recorded}


@pytest.mark.parametrize("path", WRITES)
def test_every_way_out_of_a_write_is_a_reply(path):
    outermost = re.sub(r"^local function.*?^end$", "", SCRIPTS[path].body, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"\breturn (?!answer\(|reply\()", outermost) == []
    assert re.match(r"return (answer|reply)\(", SCRIPTS[path].body.splitlines()[-1])


@pytest.mark.parametrize("path", READS)
def test_a_read_answers_nothing_that_is_recorded(path):
    assert not re.search(r"\b(answer|reply)\(", SCRIPTS[path].code)


@pytest.mark.parametrize("path", SCRIPTS)
def test_a_business_refusal_is_no_error_of_the_server(path):
    assert not re.search(r"error_reply|status_reply|\berror\(", SCRIPTS[path].code)


@pytest.mark.parametrize("path", SCRIPTS)
def test_no_script_asks_for_what_takes_the_longer_the_more_there_is_on_the_server(path):
    assert not re.search(r"'(KEYS|SCAN|FLUSHALL|FLUSHDB)'", SCRIPTS[path].body)


@pytest.mark.parametrize("path", PARTS)
def test_every_part_is_used_by_some_script(path):
    used = {part for operation in OPERATIONS for part in SCRIPTS[operation].names("Uses")}
    assert PurePath(path).stem in used


@every_operation
def test_every_script_is_run_by_a_repository_or_a_command(path):
    said = {text for module in modules("shop").values() for text in strings(module)}
    assert PurePath(path).stem in said


@pytest.mark.parametrize("path", WRITES)
def test_every_refusal_of_a_write_is_known_to_its_repository(path):
    said = {text for module in modules("shop/repositories").values() for text in strings(module)}
    successes = list(SCRIPTS[path].replies)[:1]
    assert [tag for tag in SCRIPTS[path].replies if tag not in {*said, *successes}] == []
