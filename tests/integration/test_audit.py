"""The chain of the audit on a real store: tampering by an account that can write to the store is found, and a lost
reply or a repeat is no break."""

import io
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command

from devstack.temporary import RunningStack
from exactly_once import Cluster
from exactly_once.client import Node
from exactly_once.journal import Head, StoredEntry
from exactly_once.journal_chain import BreakKind
from exactly_once.testing import FaultyNodes
from shop import audit_worker, bootstrap, telemetry
from shop.bootstrap import Configuration, Container
from shop.domain.audit import AuditJournal, AuditKeys, AuditQuery
from shop.management.commands import audit as command
from shop.repositories.journal import MAX_TRIMMED, Retention
from tests.samples import a_request, again, in_catalogue
from tests.stack_fixtures import primary_of
from tests.store_access import operator_node

COUNT = 12


class Scene:
    """A shop whose audit has entries, and what write access to the store allows."""

    def __init__(self, container: Container, node: Node) -> None:
        self.container = container
        self.journal = container.journal
        self.shop = container.shop
        self.key, self.head_key = container.keys.journal, container.keys.journal_head
        self._node = node
        self._product = in_catalogue(self.shop, stock=1000)

    def run(self, *command) -> object:
        return self._node.run(command, timeout=5)[0]

    def request(self):
        request = a_request()
        keys = AuditKeys(self.shop.idempotency.value())
        journal = AuditJournal(
            keys=keys,
            at=self.shop.clock.now(),
            operation="products_stock",
            actor="eve",
            role="staff",
            network="192.0.2.0/24",
            request_id=request.id,
        )
        return replace(request, journal=journal)

    def write(self, count: int) -> None:
        for _ in range(count):
            self.shop.products.adjust_stock(self.request(), self._product.id, 1, None)

    def sign(self) -> None:
        self.journal.append_checkpoint(a_request())

    def stored(self) -> list[StoredEntry]:
        return list(self.journal.entries())

    def store_anew(self, entries, *, linked: bool = False, head: bool = True) -> None:
        """Put these entries in the place of the journal; `linked` numbers and links them anew, as one can without the
        key."""
        self.run("DEL", self.key)
        last = Head()
        for entry in entries:
            if linked:
                entry = replace(entry, sequence=last.sequence + 1)
                entry = replace(entry, link=entry.link_after(last.link))
            fields = {
                "sequence": entry.sequence,
                "entry": entry.text,
                "seal": entry.seal,
                "effect": entry.effect,
                "link": entry.link,
            }
            self.run("XADD", self.key, "*", *(part for pair in fields.items() for part in pair))
            last = Head(sequence=entry.sequence, link=entry.link)
        if head:
            self.run("SET", self.head_key, str(last))

    def found(self, known=None):
        found = self.journal.check(known).break_found
        return found and (found.sequence, found.kind)


@pytest.fixture
def node(redis_stack: RunningStack) -> Iterator[Node]:
    with closing(operator_node(redis_stack.layout.redis[primary_of(redis_stack)])) as node:
        yield node


@pytest.fixture
def nodes(redis_stack: RunningStack) -> FaultyNodes:
    return FaultyNodes(redis_stack.layout.secrets.credentials("api"))


@pytest.fixture
def scene(
    redis_stack: RunningStack, node: Node, nodes: FaultyNodes, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    monkeypatch.setattr(bootstrap, "Cluster", partial(Cluster, nodes=nodes))
    layout = redis_stack.layout
    configuration = Configuration(
        store=f"test-{uuid4()}",
        master_name=layout.settings.primary_name,
        sentinels=[(address.host, address.port) for address in layout.sentinels.values()],
        secret_key="a secret key of this test",
        credentials=layout.secrets.credentials("api"),
    )
    with closing(Container(configuration)) as container:
        scene = Scene(container, node)
        scene.write(COUNT)
        scene.sign()
        scene.write(2)
        yield scene


def test_an_untouched_journal_is_whole(scene):
    check = scene.journal.check()
    assert (check.count, check.last, check.break_found) == (COUNT + 3, scene.journal.head(), None)


def test_an_altered_text_is_found(scene):
    entries = scene.stored()
    entries[4] = replace(entries[4], text=entries[4].text.replace("eve", "bob"))
    scene.store_anew(entries, linked=True)
    assert scene.found() == (5, BreakKind.ALTERED)


def test_an_altered_effect_is_found(scene):
    entries = scene.stored()
    entries[4] = replace(entries[4], effect=entries[4].effect.replace("100", "900"))
    scene.store_anew(entries)
    assert scene.found() == (5, BreakKind.ALTERED)


def test_an_altered_effect_with_new_links_is_found_by_the_checkpoint(scene):
    entries = scene.stored()
    entries[4] = replace(entries[4], effect=entries[4].effect.replace("100", "900"))
    scene.store_anew(entries, linked=True)
    assert scene.found() == (1, BreakKind.REORDERED)


def test_a_removed_entry_is_found(scene):
    scene.run("XDEL", scene.key, scene.stored()[4].id)
    assert scene.found() == (5, BreakKind.REMOVED)


def test_a_removed_entry_with_new_links_is_found_by_the_checkpoint(scene):
    entries = scene.stored()
    scene.store_anew(entries[:4] + entries[5:], linked=True)
    assert scene.found() == (1, BreakKind.REMOVED)


def test_a_forged_entry_is_found(scene):
    entries = scene.stored()
    forged = replace(entries[4], text=entries[4].text.replace("eve", "bob"))
    scene.store_anew([*entries[:4], forged, *entries[4:]])
    assert scene.found() == (5, BreakKind.INSERTED)


def test_a_repeated_entry_is_found(scene):
    entries = scene.stored()
    scene.store_anew([*entries[:5], entries[2], *entries[5:]])
    assert scene.found() == (6, BreakKind.INSERTED)


def test_a_repeated_entry_with_new_links_is_found_by_the_checkpoint(scene):
    entries = scene.stored()
    scene.store_anew([*entries[:5], entries[2], *entries[5:]], linked=True)
    assert scene.found() == (1, BreakKind.INSERTED)


@pytest.mark.parametrize(("linked", "first"), [(False, 5), (True, 1)])
def test_entries_in_another_order_are_found(scene, linked, first):
    entries = scene.stored()
    entries[4], entries[7] = entries[7], entries[4]
    scene.store_anew(entries, linked=linked)
    assert scene.found() == (first, BreakKind.REORDERED)


def test_a_tail_that_was_cut_off_is_found(scene):
    scene.store_anew(scene.stored()[:-2], head=False)
    assert scene.found() == (COUNT + 2, BreakKind.TRUNCATED)


def test_a_tail_that_was_cut_off_with_its_record_is_found_by_an_export(scene):
    known = scene.journal.head()
    scene.store_anew(scene.stored()[:-2])
    assert scene.found() is None
    assert scene.found(known) == (COUNT + 2, BreakKind.TRUNCATED)


def test_another_history_of_the_same_length_is_found_by_an_export(scene):
    known = scene.journal.head()
    scene.store_anew(scene.stored()[:-1])
    scene.write(1)
    assert scene.found() is None
    assert scene.found(known) == (COUNT + 3, BreakKind.ALTERED)


def test_a_beginning_that_was_cut_off_is_found(scene):
    scene.run("XTRIM", scene.key, "MINID", scene.stored()[3].id)
    assert scene.found() == (1, BreakKind.TRUNCATED)


def test_a_journal_that_was_removed_is_found(scene):
    scene.run("DEL", scene.key)
    assert scene.found() == (1, BreakKind.TRUNCATED)


def test_a_checkpoint_removes_what_is_older_than_the_retention_and_the_rest_is_whole(scene):
    scene.journal._retention = Retention(age=timedelta(days=1), max_entries=5)
    scene.sign()
    assert [entry.sequence for entry in scene.stored()] == [12, 13, 14, 15, 16]
    assert scene.found() is None
    scene.write(1)
    scene.sign()
    assert (scene.stored()[0].sequence, scene.found()) == (14, None)
    scene.run("XTRIM", scene.key, "MINID", scene.stored()[1].id)
    assert scene.found() == (14, BreakKind.TRUNCATED)


def test_a_checkpoint_removes_what_is_older_than_its_age(scene):
    scene.journal._retention = Retention(age=timedelta(seconds=-60), max_entries=1000)
    scene.sign()
    assert [entry.sequence for entry in scene.stored()] == [COUNT + 3, COUNT + 4]
    assert scene.found() is None


def test_one_checkpoint_removes_a_bounded_number_of_entries(scene, monkeypatch):
    monkeypatch.setattr("shop.repositories.journal.MAX_TRIMMED", 3)
    scene.journal._retention = Retention(age=timedelta(seconds=-60), max_entries=1000)
    scene.sign()
    assert scene.stored()[0].sequence == 4
    assert MAX_TRIMMED == 2_000


def test_writes_whose_replies_are_lost_have_one_entry_each(scene, nodes):
    requests = [scene.request() for _ in range(3)]
    product = in_catalogue(scene.shop)
    for request in requests:
        nodes.lose_replies(2)
        scene.shop.products.adjust_stock(request, product.id, 1, None)
        nodes.lose_requests(1)
        scene.shop.products.adjust_stock(again(request), product.id, 1, None)
    found = scene.shop.audit.page(AuditQuery(object=f"product:{product.id}"), 100, None).results
    assert [entry.request_id for entry in found] == [request.id for request in reversed(requests)]
    assert scene.found() is None


def test_a_checkpoint_is_due_once_there_are_entries_behind_an_old_one(scene):
    assert scene.journal.is_checkpoint_due(timedelta(0))
    assert not scene.journal.is_checkpoint_due(timedelta(hours=1))
    scene.sign()
    assert not scene.journal.is_checkpoint_due(timedelta(0))


def test_the_background_signs_what_is_new_and_reports_what_was_tampered_with(scene, monkeypatch, caplog):
    monkeypatch.setattr(audit_worker, "CHECKPOINT_INTERVAL", timedelta(0))
    breaks = telemetry.AUDIT_BREAKS._value
    before = breaks.get()
    signer = audit_worker.Signer(lambda: scene.journal)
    signer.sign()
    assert (scene.stored()[-1].sequence, breaks.get()) == (COUNT + 4, before)
    scene.write(2)
    scene.run("XDEL", scene.key, scene.stored()[-2].id)
    signer.sign()
    assert breaks.get() == before + 1
    assert '"break",null,"17 removed"' in scene.stored()[-1].text


def test_the_background_finds_that_a_checkpoint_of_its_own_was_cut_off(scene, monkeypatch):
    monkeypatch.setattr(audit_worker, "CHECKPOINT_INTERVAL", timedelta(0))
    signer, breaks = audit_worker.Signer(lambda: scene.journal), telemetry.AUDIT_BREAKS._value
    signer.sign()
    before = breaks.get()
    scene.store_anew(scene.stored()[:-1])
    assert scene.found() is None
    signer.sign()
    assert breaks.get() == before + 1
    assert '"break",null,"16 truncated"' in scene.stored()[-1].text
    signer.sign()
    assert breaks.get() == before + 1


def run(scene, monkeypatch, *arguments: str) -> tuple[int, str]:
    monkeypatch.setattr(command, "answering", lambda: scene.container)
    out = io.StringIO()
    try:
        call_command("audit", *arguments, stdout=out, stderr=io.StringIO())
    except SystemExit as end:
        return int(str(end.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_where_the_audit_was_tampered_with(scene, monkeypatch):
    assert run(scene, monkeypatch, "verify") == (0, "15 entries, up to 15, are as they were written.\n")
    scene.run("XDEL", scene.key, scene.stored()[4].id)
    status, text = run(scene, monkeypatch, "verify", "--json")
    assert status == 1
    assert json.loads(text)["break"]["kind"] == "removed"
    assert run(scene, monkeypatch, "verify")[1].startswith("The audit was tampered with at 5: removed.")


def test_an_export_goes_on_behind_its_last_line_and_ends_with_a_checkpoint(scene, monkeypatch, tmp_path):
    file = tmp_path / "audit.jsonl"
    run(scene, monkeypatch, "export", "--file", str(file))
    scene.write(2)
    run(scene, monkeypatch, "export", "--file", str(file))
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert [line["sequence"] for line in lines] == list(range(1, COUNT + 8))
    assert json.loads(lines[-1]["entry"])["operation"] == "audit_checkpoint"
    assert run(scene, monkeypatch, "verify", "--known", str(file))[0] == 0
    scene.store_anew(scene.stored()[:-1])
    assert run(scene, monkeypatch, "verify", "--known", str(file))[0] == 1


def test_a_file_that_is_no_export_is_refused(scene, monkeypatch, tmp_path):
    file = tmp_path / "notes"
    file.write_text("nothing\n", "utf-8")
    with pytest.raises(CommandError, match="no entry of an export") as error:
        run(scene, monkeypatch, "verify", "--known", str(file))
    assert error.value.returncode == 2


def test_a_page_looks_at_a_bounded_number_of_entries_and_the_next_one_goes_on(scene, monkeypatch):
    monkeypatch.setattr("shop.repositories.audit.READ_STEP", 2)
    monkeypatch.setattr("shop.repositories.audit.MAX_SCANNED", 4)
    query, found, pages, position = AuditQuery(operation="audit_checkpoint"), [], 0, None
    while pages == 0 or position:
        page = scene.shop.audit.page(query, 5, position)
        found, pages, position = [*found, *page.results], pages + 1, page.next
        assert pages < 10
    assert ([entry.sequence for entry in found], pages) == ([COUNT + 1], 4)


def test_a_page_of_the_far_past_is_empty_and_no_error(scene):
    year_1 = datetime(1, 1, 1, tzinfo=UTC)
    assert scene.shop.audit.page(AuditQuery(until=year_1), 5, None).results == []
    assert len(scene.shop.audit.page(AuditQuery(since=year_1), 5, None).results) == 5


def test_an_entry_is_smaller_than_a_kilobyte(scene):
    product = in_catalogue(scene.shop)
    changes = dict.fromkeys(("name", "category", "company"), "é" * 200)
    scene.shop.products.update(
        scene.request(),
        product.id,
        lambda p: p.with_changes(at=p.updated_at, date_manufactured=None, description="x" * 9000, **changes),
        None,
    )
    entry = scene.stored()[-1]
    assert sum(len(text.encode()) for text in (entry.text, entry.seal, entry.effect, entry.link)) < 1000
