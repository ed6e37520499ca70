"""What a request costs a store of some size: the CPU time of its data nodes, less what they take at rest."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from urllib.parse import quote

import orjson

from benchmarks import client, load, processes
from benchmarks.client import Requests
from benchmarks.growth_store import Filled, Memory, used_bytes, wait_until_saved
from benchmarks.sides import process_ids
from benchmarks.watch import Watch
from benchmarks.workloads import UNCACHED
from chaos.embedded import EmbeddedTarget
from chaos.stage import SCARCE_STOCK
from exactly_once.requests import MAX_REFUSALS

CONNECTIONS, REQUESTS, REST_S = 4, 5_000, 2.0
SAMPLED_DOCUMENTS, OUTCOMES_S = 50, 2
PURCHASE = "purchase of 2 lines"
#: Made-up products have these categories.
CATEGORIES = ("Fruit", "Vegetables", "Spices", "Drinks", "Phones", "Processors", "Graphics")


class QuestionFailed(Exception):
    """Requests had no success; the text says how many, and which."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Of one request: microseconds of CPU time of the data nodes together and of the API, and median latency."""

    data_nodes_us: float
    api_us: float
    p50_ms: float


class Questions:
    """Asks a store the same as every other one."""

    def __init__(self, target: EmbeddedTarget, filled: Filled, directory: Path, client_name: str) -> None:
        self._target = target
        self._filled = filled
        self._directory = directory
        self._client = client.find(client_name)
        self._pids = process_ids(target.layout, target.supervisor)
        self._documents = [self._document(id) for id in filled.products[:SAMPLED_DOCUMENTS]]
        self._files = count()

    def measure(self, seconds: int, watch: Watch) -> dict[str, Cost]:
        """The cost of each question.

        Raises:
            QuestionFailed, StillSaving.
        """
        wait_until_saved(self._target)
        rest = self._at_rest()
        costs = {}
        for name, requests in self._all().items():
            watch.say(f"{self._filled.size}: {name}")
            costs[name] = self._cost(name, requests, seconds, rest)
        return costs

    def with_outcomes(self, memory: Memory, watch: Watch) -> Memory:
        """What a purchase and a refused one take with their recorded outcomes, beside the rest."""
        watch.say(f"{self._filled.size}: memory of outcomes")
        stage = self._filled.stage
        purchases = self._bytes_each(self._write(self._purchases(stage.plentiful, 1)))
        # Of each caller so many are remembered, whatever was refused beyond that.
        most = MAX_REFUSALS * len(stage.customers)
        refusals = self._bytes_each(self._write(self._purchases(stage.scarce, SCARCE_STOCK + 1)), most)
        return replace(memory, purchase_with_outcome=purchases, refusal=refusals)

    def _bytes_each(self, requests: Requests, most: int | None = None) -> float:
        before = used_bytes(self._target)
        sent = self._client.send(self._target.layout.nginx.port, requests, CONNECTIONS, OUTCOMES_S)
        recorded = min(sent.requests, most or sent.requests)
        return (used_bytes(self._target) - before) / max(recorded, 1)

    def _cost(self, name: str, requests: Requests, seconds: int, rest: Mapping[str, float]) -> Cost:
        port = self._target.layout.nginx.port
        self._client.send(port, requests, CONNECTIONS, 1)
        wait_until_saved(self._target)
        before = processes.cpu_seconds(self._pids)
        sent = self._client.send(port, requests, CONNECTIONS, seconds)
        after = processes.cpu_seconds(self._pids)
        if sent.failed or not sent.requests:
            raise QuestionFailed(f"{sent.failed} of {sent.requests} requests had no success: {name}")
        spent = {kind: after[kind] - before[kind] - rest[kind] * sent.seconds for kind in after}
        us = {kind: 1_000_000 * each / sent.requests for kind, each in spent.items()}
        return Cost(data_nodes_us=us["redis"], api_us=us["api"], p50_ms=sent.p50_ms)

    def _at_rest(self) -> dict[str, float]:
        """Seconds of CPU time a second without a load, by kind of process."""
        before = processes.cpu_seconds(self._pids)
        time.sleep(REST_S)
        after = processes.cpu_seconds(self._pids)
        return {kind: (after[kind] - before[kind]) / REST_S for kind in after}

    def _document(self, id: str) -> dict[str, str]:
        _, body = load.ask(self._target.layout.nginx.port, load.http("GET", f"/api/v1/products/{id}/"))
        document: dict[str, str] = orjson.loads(body)
        return document

    def _all(self) -> dict[str, Requests]:
        """The requests of each question, by its name."""
        chance = random.Random(1)
        companies = [each["company"] for each in self._documents]
        names = [each["name"].split()[0] for each in self._documents]
        pages: dict[str, list[str]] = {
            "one product": [f"{id}/" for id in self._filled.products],
            "newest": [""],
            "a category": [f"?category={category}" for category in CATEGORIES],
            "a company": [f"?company={quote(company)}" for company in companies],
            "a search word": [f"?search={quote(name)}" for name in names],
            "a prefix of one letter": [f"?search={quote(name[0])}" for name in names],
            "two words, by price": [
                f"?search={quote(name)}%20{quote(company.split()[0])}&ordering=price"
                for name, company in zip(names, companies, strict=True)
            ],
            "a company and a category, by name": [
                f"?company={quote(company)}&category={chance.choice(CATEGORIES)}&ordering=name" for company in companies
            ],
            "prices from 5 to 6, by name": ["?min_price=5&max_price=6&ordering=name"],
            "in stock, 100 by price": ["?in_stock=true&ordering=-price&page_size=100"],
        }
        reads = {
            name: self._write(load.http("GET", f"/api/v1/products/{path}", headers=UNCACHED) for path in paths)
            for name, paths in pages.items()
        }
        return {
            **reads,
            "purchases of a user, newest": self._write(self._own()),
            PURCHASE: self._write(self._purchases(self._filled.stage.plentiful, 1)),
        }

    def _own(self) -> Iterator[bytes]:
        for buyer in self._filled.buyers:
            headers = [f"{name}: {value}" for name, value in buyer.headers.items()]
            yield load.http("GET", "/api/v1/purchases/", headers=headers)

    def _purchases(self, products: Sequence[str], quantity: int) -> Iterator[bytes]:
        chance, customers = random.Random(1), self._filled.stage.customers
        for _ in range(REQUESTS):
            items = [{"product": id, "quantity": quantity} for id in chance.sample(products, 2)]
            token = f"Authorization: Bearer {chance.choice(customers).token}"
            yield load.http("POST", "/api/v1/purchases/", orjson.dumps({"items": items}), [token])

    def _write(self, texts: Iterator[bytes]) -> Requests:
        found = list(islice(texts, REQUESTS))
        random.Random(1).shuffle(found)
        return client.write(found, self._directory / f"requests-{next(self._files)}")
