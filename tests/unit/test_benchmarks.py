"""The comparison with peers: what is sent, how it is counted, and when its figures do not count."""

import os
import random
import socketserver
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from xml.etree import ElementTree

import pytest

from benchmarks import client, data_nodes, documents, processes, report
from benchmarks.__main__ import choice_of, parse_arguments
from benchmarks.client import LoadResult, PythonClient
from benchmarks.grid import Grid
from benchmarks.measuring import Measurement, Row, WrongAnswer, check
from benchmarks.plots import plots
from benchmarks.refusals import Refusals
from benchmarks.report import Report
from benchmarks.side import SHOP, Side
from benchmarks.workloads import FASTAPI, WORKLOADS, Catalogue

RESULT = LoadResult(requests=100, seconds=2.0, p50_ms=1.0, p99_ms=9.0, p999_ms=20.0, refused=0, errors=0, lost=0)
PRODUCTS = [f"{number:08d}" for number in range(1000)]
CATALOGUE = Catalogue(categories=["Ready Meals"], words=["tea"])


def side(name=SHOP, port=0):
    return Side(name=name, port=port, processes={"api": [os.getpid()]}, tokens=["t0", "t1"], products=PRODUCTS)


def row(workload="product", name=SHOP, connections=32, costs=(1.0, 2.0, 3.0), **figures):
    rounds = [Measurement(cpu_ms={"api": cost, "nginx": 0.5}, load=replace(RESULT, **figures)) for cost in costs]
    return Row(workload=workload, side=name, connections=connections, rounds=rounds)


def report_of(*rows, refusals=None):
    return Report(machine={"commit": "abc"}, products=1000, seconds=60, rows=rows, refusals=refusals)


class Answering(socketserver.StreamRequestHandler):
    def handle(self):
        while self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            self.wfile.write(vars(self.server)["answer"])


@contextmanager
def server(status="200 OK", body=b'{"id": "1"}'):
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answering) as found:
        found.daemon_threads = True
        vars(found)["answer"] = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found.server_address[1]
        finally:
            found.shutdown()
            thread.join()


def requests(tmp_path, workload="product"):
    texts = list(islice(WORKLOADS[workload].make(side(), CATALOGUE, random.Random(1)), 50))
    return client.write(texts, tmp_path / "requests")


def test_output_of_wrk_is_read():
    line = '{"requests": 7, "seconds": 2, "p50_ms": 1, "p99_ms": 2, "p999_ms": 3, "refused": 0, "errors": 1, "lost": 2}'
    found = client.parse(f"Running 2s test\nRESULT {line}\n")
    assert (found.rate, found.answered, found.failed) == (3.5, 6, 3)


def test_output_without_a_result_is_refused():
    with pytest.raises(ValueError, match="unable to connect"):
        client.parse("unable to connect")


@pytest.mark.parametrize(("status", "errors", "refused"), [("200 OK", 0, 0), ("503 Busy", 1, 1), ("302 Found", 1, 0)])
def test_python_client_counts_every_answer_by_its_status(tmp_path, status, errors, refused):
    with server(status) as port:
        seen = PythonClient().send(port, requests(tmp_path), connections=3, seconds=0.2)
    assert seen.requests > 3
    assert (seen.errors, seen.refused, seen.lost) == (errors * seen.requests, refused * seen.requests, 0)
    assert 0 < seen.p50_ms <= seen.p99_ms <= seen.p999_ms


def test_python_client_counts_what_no_server_answers_as_lost(tmp_path):
    with server() as port:
        pass
    seen = PythonClient().send(port, requests(tmp_path), connections=1, seconds=0.2)
    assert (seen.requests, seen.failed > 0) == (0, True)


@pytest.mark.parametrize(("status", "body"), [("500 Broken", b'{"id": "1"}'), ("200 OK", b"{}"), ("200 OK", b"page")])
def test_a_side_with_another_answer_is_not_measured(tmp_path, status, body):
    with server(status, body) as port, pytest.raises(WrongAnswer):
        check(WORKLOADS["product"], side(port=port), requests(tmp_path).texts)


def test_a_side_with_the_expected_answer_is_measured(tmp_path):
    with server() as port:
        assert check(WORKLOADS["product"], side(port=port), requests(tmp_path).texts) is None


@pytest.mark.parametrize("workload", WORKLOADS.values(), ids=WORKLOADS)
def test_all_sides_are_sent_the_same_requests(workload):
    ours, theirs = (
        list(islice(workload.make(side(name), CATALOGUE, random.Random(1)), 100)) for name in (SHOP, FASTAPI)
    )
    assert ours == theirs


def test_an_anonymous_request_may_be_cached_and_another_one_may_not():
    made = {key: next(each.make(side(), CATALOGUE, random.Random(1))) for key, each in WORKLOADS.items()}
    cached = {key for key, text in made.items() if b"If-Match" not in text and b"Authorization" not in text}
    assert cached == {"zipf", "hot"}


def test_products_are_asked_for_by_the_law_of_zipf():
    texts = list(islice(WORKLOADS["zipf"].make(side(), CATALOGUE, random.Random(1)), 20_000))
    first, second, tenth = (sum(PRODUCTS[place].encode() in text for text in texts) for place in (0, 1, 9))
    assert first / second == pytest.approx(2, rel=0.2)
    assert first / tenth == pytest.approx(10, rel=0.3)


def test_processes_of_a_supervisor_count_for_their_own_kind():
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline()
        own = {"supervisor": [os.getpid()], "api": [parent.pid]}
        found = processes.members(own)
        parent.communicate(b"\n")
    assert len(found["api"]) == 2
    assert os.getpid() in found["supervisor"] and parent.pid not in found["supervisor"]


def test_cpu_time_memory_and_files_of_this_process_are_counted():
    own = {"api": [os.getpid()]}
    before = processes.cpu_seconds(own)["api"]
    sum(number * number for number in range(1_000_000))
    assert processes.cpu_seconds(own)["api"] > before
    assert processes.resident_bytes(own["api"]) > 10_000_000
    assert processes.open_files(own["api"]) >= 3


def test_median_round_counts():
    assert row(costs=(9.0, 1.0, 2.0)).total_cpu_ms == 2.5


def test_ratios_are_those_of_the_load_in_the_middle():
    rows = [
        row(name=name, connections=load, costs=(cost,))
        for load, name, cost in (
            (1, SHOP, 9),
            (1, FASTAPI, 9),
            (32, SHOP, 1.5),
            (32, FASTAPI, 3.5),
            (200, SHOP, 9),
            (200, FASTAPI, 9),
        )
    ]
    (cells,) = report.ratios(report_of(*rows)).rows
    assert cells == ["one product", "2.000", "", "4.000", "", "", "0.50", ""]


def test_a_run_with_failures_does_not_count():
    found = report_of(row(), row(name=FASTAPI, errors=2, lost=1))
    assert found.failed == 9
    assert report.verdict(found).startswith("INVALID: 9 requests had no success (9 of one product, FastAPI")


@pytest.mark.parametrize(("side", "is_valid"), [(SHOP, False), (FASTAPI, True)])
def test_a_peer_may_give_out_under_a_load_of_no_ratio_and_the_shop_may_not(side, is_valid):
    rows = [row(connections=connections) for connections in (1, 32, 200)]
    found = report_of(*rows, row(name=side, connections=200, errors=3))
    assert (found.is_valid, "INVALID" in report.verdict(found)) == (is_valid, not is_valid)
    assert "9 of one product" in report.verdict(found)


def test_a_run_without_failures_counts():
    assert report.verdict(report_of(row())) == "Every request had a success."


def test_refused_requests_in_overload_are_no_failures():
    refusals = Refusals(
        connections=1000, answered_per_s=300, refused_per_s=900, failed=0, answered_cpu_ms=4.0, refused_cpu_ms=0.4
    )
    found = report_of(row(), refusals=refusals)
    assert (found.failed, refusals.ratio) == (0, 0.1)
    assert ["300", "900", "0", "4.000", "0.400", "0.100"] in report.refused(refusals).rows


def test_report_has_every_row_as_json():
    (found,) = report_of(row(costs=(1.0,))).document["rows"]
    assert (found["workload"], found["side"], found["connections"]) == ("product", SHOP, 32)
    assert (found["cpu_ms"], found["rate"], found["failed"]) == ({"api": 1.0, "nginx": 0.5}, 50.0, 0)


def test_plots_are_well_formed_and_have_a_bar_for_each_side():
    found = plots(report_of(row(), row(name=FASTAPI)))
    assert set(found) == {"cpu.svg", "latency.svg", "rate.svg"}
    for text in found.values():
        tree = ElementTree.fromstring(text)
        # Two bars, and two squares of the legend.
        assert len(tree.findall("{http://www.w3.org/2000/svg}rect")) == 4


def test_markdown_has_its_figures_on_the_right():
    text = Grid(title="Costs", columns=("what", "ms"), rows=[("a", "1")]).markdown
    assert text == "Costs:\n\n| what | ms |\n| --- | ---: |\n| a | 1 |\n"


def test_short_form_has_every_workload(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--short"])
    choice = choice_of(parse_arguments())
    assert [each.key for each in choice.plan.workloads] == [*WORKLOADS]
    assert (choice.plan.rounds, choice.plan.seconds, choice.has_refusals) == (1, 1, True)


def test_tables_of_a_document_are_replaced_and_the_rest_stays(tmp_path):
    path = tmp_path / "document.md"
    path.write_text("before\n\n<!-- figures -->\nold\n<!-- end of figures -->\n\nafter\n")
    documents.update(path, {"figures": "| new \\1 |\n", "ratios": "none"})
    assert path.read_text() == "before\n\n<!-- figures -->\n\n| new \\1 |\n\n<!-- end of figures -->\n\nafter\n"


def test_a_document_without_a_place_for_tables_is_refused(tmp_path):
    path = tmp_path / "document.md"
    path.write_text("text")
    with pytest.raises(documents.NoSuchPlace, match="end of figures"):
        documents.update(path, {"figures": "new"})


def test_tables_are_published_with_what_they_were_measured_on(tmp_path):
    path = tmp_path / "document.md"
    path.write_text("<!-- scale -->\n<!-- end of scale -->\n")
    tables = [Grid(title="Costs", columns=("what", "ms"), rows=[("a", "1")])]
    documents.publish([path], "scale", tables, "commit abc, " + "CPU x, " * 20)
    assert "Costs:\n\n| what | ms |" in path.read_text()
    assert "Measured on: commit abc" in path.read_text()
    assert max(map(len, path.read_text().splitlines())) <= 100


def test_data_nodes_are_compared_by_rounds_that_ran_one_after_the_other():
    """The machine was busy in the first round, for both numbers."""

    def rounds(name, *costs):
        measured = [Measurement(cpu_ms={"api": 1.0, "redis": cost}, load=RESULT) for cost in costs]
        return Row(workload="purchase", side=name, connections=1, rounds=measured)

    table = data_nodes.costs([rounds("3", 9.0, 1.0, 1.0), rounds("5", 19.0, 3.0, 3.0)])
    columns = dict(zip(table.columns, zip(*table.rows, strict=True), strict=True))
    assert columns["data nodes, connections"] == ("3, 1", "5, 1")
    assert columns["CPU ms a purchase"] == ("2.00", "4.00")
    assert columns["times that of 3"] == ("1.00", "2.00")
    assert columns["of it redis"] == ("1.00", "3.00")
