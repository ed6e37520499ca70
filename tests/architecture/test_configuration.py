"""Every variable is declared in configuration/, read there alone, and documented from there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from configuration.document import markdown
from configuration.reading import KNOWN
from configuration.table import VARIABLES
from configuration.variable import Scope
from tests.architecture.sources import FOLDERS, ROOT, modules

DECLARED = {variable.name: variable for variable in VARIABLES}
#: benchmarks/peers has the programs that the shop is compared with.
SOURCES = {
    path: module
    for path, module in modules(*(folder for folder in FOLDERS if folder not in {"configuration", "tests"})).items()
    if not path.startswith("benchmarks/peers/")
} | {"manage.py": ast.parse((ROOT / "manage.py").read_text("utf-8"))}
COMPOSE = [ROOT / "deploy" / name for name in ("compose.yml", "compose.tls.yml", "compose.internal-tls.yml")]
SHELL = [
    path
    for path in sorted((ROOT / "deploy").rglob("*"))
    if path.is_file() and (path.suffix == ".sh" or path.read_bytes().startswith(b"#!"))
]
#: Filled in by envsubst, from variables of the container.
TEMPLATES = [ROOT / "deploy" / "nginx.conf", *sorted((ROOT / "deploy" / "nginx").rglob("*.conf"))]
#: Names that shell scripts set themselves, and those of other programs.
OF_OTHERS = {
    *(
        "BASH_SOURCE",
        "TMPDIR",
        "ENV_FILE",
        "FIRST_INSTANCES",
        "FIRST_NODES",
        "FIRST_SENTINELS",
        "LEAST_NODES",
        "MOST_NODES",
        "MOST_SENTINELS",
        "KUBERNETES",
        "NAMESPACE",
        "MAX_READY_S",
        "COMPOSE_FILE",
        "SECONDS",
        "PWD",
    ),
    "ROLL_TIMEOUT_S",
}


def reads(node: ast.AST) -> bool:
    """Whether a variable is read. Handing the whole environment on, or setting a default, is no reading."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "os" and any(name.name in {"environ", "getenv"} for name in node.names)
    if isinstance(node, ast.Subscript):
        return ast.unparse(node.value) in {"os.environ", "environ"} and isinstance(node.ctx, ast.Load)
    return isinstance(node, ast.Attribute) and ast.unparse(node) in {
        "os.getenv",
        "os.environb",
        "os.environ.get",
        "environ.get",
        "environ.items",
        "os.environ.items",
    }


@pytest.mark.parametrize("path", SOURCES)
def test_variables_are_read_by_the_configuration_alone(path):
    assert [ast.unparse(node) for node in ast.walk(SOURCES[path]) if reads(node)] == []


@pytest.mark.parametrize(
    "source", ["os.environ['A']", "os.environ.get('A')", "environ.get('A')", "os.getenv('A')", "from os import environ"]
)
def test_reading_a_variable_is_found(source):
    assert any(map(reads, ast.walk(ast.parse(source))))


@pytest.mark.parametrize("source", ["f(os.environ)", "{**os.environ}", "os.environ.setdefault('A', 'b')"])
def test_handing_the_environment_on_is_no_reading(source):
    assert not any(map(reads, ast.walk(ast.parse(source))))


def test_the_reference_is_made_from_the_declarations():
    """Where it is not: `python -m configuration > docs/configuration.md`."""
    assert (ROOT / "docs" / "configuration.md").read_text("utf-8") == markdown()


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_a_declaration_says_everything_that_the_reference_shows(variable):
    assert variable.meaning.endswith(".")
    assert variable.default or variable.default_note
    assert variable.scopes
    assert f"| `{variable.name}`" in markdown()


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda variable: variable.name)
def test_a_unit_in_a_name_is_the_declared_one(variable):
    suffix = {"s": "_S", "ms": "_MS"}.get(variable.unit)
    assert variable.name.endswith(suffix) if suffix else not variable.name.endswith(("_S", "_MS"))


def interpolated(text: str) -> Iterator[tuple[str, str]]:
    """The variables that Compose fills in, each with its default; empty where it has none."""
    nested = re.sub(r"\$\{[A-Z0-9_]+:-(\$\{[^{}]*\}[^{}]*)\}", r"\1", text)
    for source in (text, nested):
        yield from re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)(?::-([^{}$]*))?\}", source)


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_fills_in_declared_variables_with_their_defaults(path):
    wrong = []
    for name, default in interpolated(path.read_text("utf-8")):
        variable = DECLARED.get(name)
        if variable is None or Scope.COMPOSE not in variable.scopes:
            wrong.append(f"{name} is not declared for compose")
        elif default and variable.default and default != variable.default:
            wrong.append(f"{name} has the default {default}, and is declared with {variable.default}")
    assert wrong == []


def test_compose_fills_in_every_variable_that_is_declared_for_it():
    text = "".join(path.read_text("utf-8") for path in [*COMPOSE, *SHELL])
    declared = [variable.name for variable in VARIABLES if Scope.COMPOSE in variable.scopes]
    assert [name for name in declared if name not in text] == []


def test_compose_sets_no_variable_that_is_not_declared():
    names = re.findall(
        r"^ +([A-Z][A-Z0-9_]+): |\b(EVERGREEN_[A-Z0-9_]+): ", COMPOSE[0].read_text("utf-8"), re.MULTILINE
    )
    build_arguments = {"PYTHON_IMAGE", "REDIS_IMAGE", "NGINX_IMAGE"}
    found = {first or second for first, second in names} - build_arguments - OF_OTHERS
    assert sorted(name for name in found if name not in KNOWN and not name.startswith("GF_")) == []


@pytest.mark.parametrize("path", SHELL, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_script_reads_declared_variables(path):
    text = re.sub(r"^\s*#.*$", "", path.read_text("utf-8"), flags=re.MULTILINE)
    read = re.findall(r"(?<!\\)\$\{?([A-Z][A-Z0-9_]{2,})", text) + re.findall(r"setting ([A-Z][A-Z0-9_]{2,})", text)
    own = set(re.findall(r"^\s*([A-Z_]+)=", text, re.MULTILINE)) | OF_OTHERS
    assert sorted({name for name in read if name not in own and name not in KNOWN}) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_is_filled_in_with_declared_variables(path: Path):
    assert [
        name for name in re.findall(r"\$\{(EVERGREEN_[A-Z0-9_]+)\}", path.read_text("utf-8")) if name not in KNOWN
    ] == []


def test_the_example_sets_declared_variables_to_their_defaults():
    example = dict(
        re.findall(r"^([A-Z0-9_]+)=(.*)$", (ROOT / "deploy" / ".env.example").read_text("utf-8"), re.MULTILINE)
    )
    # Compose publishes no service in the address family of the third.
    differing = {"EVERGREEN_HOSTS": "localhost,127.0.0.1"}
    declared = {name: differing.get(name, DECLARED[name].default) for name in example if name in DECLARED}
    assert {name: value for name, value in example.items() if name != "REDIS_SENTINEL"} == {
        name: default for name, default in declared.items() if name != "REDIS_SENTINEL"
    }


def test_no_text_names_a_variable_that_is_not_declared():
    texts = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md"), ROOT / "Makefile"]
    named = {name for path in texts for name in re.findall(r"\bEVERGREEN_[A-Z0-9_]*[A-Z]\b", path.read_text("utf-8"))}
    assert sorted(named - set(KNOWN)) == []
