"""What `make test` and `make prove` print: what they will do and leave out, how it went, what was slow, what failed."""

from collections.abc import Sequence

from rich.table import Table

from tests import capabilities
from tests.phases import Phase, planned_s
from tests.runs import Result

SLOWEST = 50
#: Failed programs and tests that are named at the end.
MAX_NAMED = 20


def plan(suite: str, phases: Sequence[Phase]) -> Table:
    """What will run, for about how long, and what is left out."""
    table = Table(
        title=f"make {suite}: about {minutes(planned_s(phases))} on two cores", title_justify="left", box=None
    )
    for heading in ("phase", "what it runs", "about", "cores", "left out here"):
        table.add_column(heading, justify="right" if heading in ("about", "cores") else "left")
    for phase in phases:
        table.add_row(phase.name, phase.what, minutes(phase.about_s), f"{phase.cores}", _lacks(phase))
    return table


def _lacks(phase: Phase) -> str:
    """What is left out for want of what, a line each; in CI it fails instead."""
    verb = "fails: " if capabilities.is_ci() else ""
    return "\n".join(
        f"{verb}{each.tests}, for want of {', '.join(capabilities.missing(each.name))} ({each.remedy})"
        for each in capabilities.lacking(phase.needs)
    )


def summary(suite: str, results: Sequence[Result], seconds: float) -> Table:
    """How each phase went. `seconds` is what all took together: less than their sum where some ran side by side."""
    table = Table(title=f"make {suite}: {minutes(seconds)}", title_justify="left", box=None)
    for heading in ("phase", "", "took", "about", "CPU", "passed", "second try", "failed", "left out", "why"):
        table.add_column(heading, justify="left" if heading in ("phase", "", "why") else "right")
    for result in results:
        counts = [
            f"{count:,}" if count else ""
            for count in (result.passed, result.second_try, result.failed, result.left_out)
        ]
        took, about = minutes(result.seconds), minutes(result.phase.about_s)
        verdict = "FAILS" if not result.is_good else "unfinished" if result.is_unfinished else "passes"
        style = "" if result.is_good else "red"
        table.add_row(
            result.phase.name, verdict, took, about, minutes(result.cpu_s), *counts, _lacks(result.phase), style=style
        )
    return table


def left_out(phases: Sequence[Phase], results: Sequence[Result]) -> str:
    """Which phases were left out for want of time, and which were not finished, a line each; nothing where all ran."""
    ran = {result.phase.name for result in results}
    names = ", ".join(phase.name for phase in phases if phase.name not in ran)
    unfinished = ", ".join(
        f"{result.phase.name} ({result.passed} passed)" for result in results if result.is_unfinished
    )
    lines = {"Left out": names, "Not finished": unfinished}
    return "".join(f"{what}, for want of time: {which}\n" for what, which in lines.items() if which)


def slowest(results: Sequence[Result]) -> str:
    """The tests that took longest, a line each."""
    cases = sorted((case for result in results for case in result.cases), reverse=True)
    return "\n".join([f"The slowest {SLOWEST}", *(f"{seconds:6.1f} s  {name}" for seconds, name in cases[:SLOWEST])])


def failures(results: Sequence[Result]) -> str:
    """What failed, a line each, as the last lines: where output is cut, its end is what is left."""
    named = [
        f"failed in {result.phase.name}: {failure}\n"
        for result in results
        if not result.is_good
        for failure in result.failures
    ]
    return "".join(named[:MAX_NAMED])


def minutes(seconds: float) -> str:
    """This duration in minutes, or in seconds where it is short."""
    return f"{seconds / 60:.1f} min" if seconds >= 100 else f"{seconds:.0f} s"
