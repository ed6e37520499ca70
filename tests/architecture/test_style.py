import ast
from pathlib import PurePath

import pytest

from tests.architecture.sources import modules, scripts, written

LONGEST_MODULE, LONGEST_FUNCTION, LONGEST_SCRIPT = 300, 40, 90
SAYING_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
SOURCES = modules("shop", "evergreen", "chaos")
TESTS = modules("tests")


@pytest.mark.parametrize("path", SOURCES)
def test_a_module_is_short(path):
    ends = [node.end_lineno for node in SOURCES[path].body]
    assert max(ends, default=0) <= LONGEST_MODULE


@pytest.mark.parametrize("path", SOURCES)
def test_functions_are_short(path):
    functions = [node for node in ast.walk(SOURCES[path]) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    assert [f.name for f in functions if f.end_lineno - f.lineno >= LONGEST_FUNCTION] == []


@pytest.mark.parametrize("path", scripts())
def test_a_script_is_short(path):
    assert len(scripts()[path].splitlines()) <= LONGEST_SCRIPT


@pytest.mark.parametrize("path", [*SOURCES, *TESTS])
def test_a_name_says_what_is_inside(path):
    assert not SAYING_NOTHING.intersection([*PurePath(path).parent.parts, PurePath(path).stem])


@pytest.mark.parametrize("path", [*SOURCES, *TESTS])
def test_nothing_is_imported_by_a_star(path):
    imports = [node for node in ast.walk(SOURCES.get(path) or TESTS[path]) if isinstance(node, ast.ImportFrom)]
    assert [node.module for node in imports if node.names[0].name == "*"] == []


def test_nothing_is_left_for_later():
    marks = tuple(f"{first}{second}" for first, second in (("TO", "DO"), ("FIX", "ME")))
    assert [path for path, text in written() if any(mark in text for mark in marks)] == []


@pytest.mark.parametrize("path", [path for path in TESTS if PurePath(path).name.startswith("test_")])
def test_a_test_asserts_something_and_is_not_skipped(path):
    names = {node.attr for node in ast.walk(TESTS[path]) if isinstance(node, ast.Attribute)}
    assert not names & {"skip", "skipif", "xfail", "importorskip"}
    tests = [node for node in ast.walk(TESTS[path]) if isinstance(node, ast.FunctionDef) and is_test(node)]
    assert [test.name for test in tests if not asserts(test)] == []


def is_test(function):
    return function.name.startswith("test_")


def asserts(function):
    """By itself, by an exception that it expects, or by handing over to something that is called for that."""
    checks = ("raises", "run_state_machine_as_test", "assert_", "fail", "wait_until", "told", "check", "verify", "call")
    calls = [ast.unparse(node.func).split(".")[-1] for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(isinstance(node, ast.Assert) for node in ast.walk(function)) or any(c.startswith(checks) for c in calls)
