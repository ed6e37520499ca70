import ast
from pathlib import PurePath

from tests.architecture.sources import modules, offenders, scripts, written

LONGEST_MODULE, LONGEST_FUNCTION, LONGEST_SCRIPT = 300, 40, 90
SAYING_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers"}
SOURCES = modules("shop", "evergreen", "chaos")
TESTS = modules("tests")


def nodes(path, *kinds):
    return [node for node in ast.walk((SOURCES | TESTS)[path]) if isinstance(node, kinds)]


def test_every_module_is_short():
    lengths = {path: max((node.end_lineno or 0 for node in module.body), default=0) for path, module in SOURCES.items()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_MODULE} == {}


def test_every_function_is_short():
    def long_functions(path):
        functions = nodes(path, ast.FunctionDef, ast.AsyncFunctionDef)
        return [f.name for f in functions if f.end_lineno - f.lineno >= LONGEST_FUNCTION]

    assert offenders(SOURCES, long_functions) == {}


def test_every_script_is_short():
    lengths = {path: len(text.splitlines()) for path, text in scripts().items()}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_SCRIPT} == {}


def test_every_name_says_what_is_inside():
    def saying_nothing(path):
        return SAYING_NOTHING.intersection([*PurePath(path).parent.parts, PurePath(path).stem])

    assert offenders([*SOURCES, *TESTS], saying_nothing) == {}


def test_nothing_is_imported_by_a_star():
    def stars(path):
        return [node.module for node in nodes(path, ast.ImportFrom) if node.names[0].name == "*"]

    assert offenders([*SOURCES, *TESTS], stars) == {}


def test_nothing_is_left_for_later():
    marks = tuple(f"{first}{second}" for first, second in (("TO", "DO"), ("FIX", "ME")))
    assert [path for path, text in written() if any(mark in text for mark in marks)] == []


TEST_MODULES = [path for path in TESTS if PurePath(path).name.startswith("test_")]


def test_no_test_is_skipped():
    def skips(path):
        return {node.attr for node in nodes(path, ast.Attribute)} & {"skip", "skipif", "xfail", "importorskip"}

    assert offenders(TEST_MODULES, skips) == {}


def test_every_test_asserts_something():
    def asserting_nothing(path):
        return [test.name for test in nodes(path, ast.FunctionDef) if is_test(test) and not asserts(test)]

    assert offenders(TEST_MODULES, asserting_nothing) == {}


def is_test(function):
    return function.name.startswith("test_")


def asserts(function):
    """By itself, by an exception that it expects, or by handing over to something that is called for that."""
    checks = ("raises", "run_state_machine_as_test", "assert_", "fail", "wait_until", "told", "check", "verify", "call")
    calls = [ast.unparse(node.func).split(".")[-1] for node in ast.walk(function) if isinstance(node, ast.Call)]
    return any(isinstance(node, ast.Assert) for node in ast.walk(function)) or any(c.startswith(checks) for c in calls)
