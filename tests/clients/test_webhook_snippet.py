"""The TypeScript of docs/webhooks.md verifies what the shop has signed."""

import json
from datetime import UTC, datetime
from pathlib import Path

from shop.work.webhooks import signed_headers
from tests.clients.conftest import Run
from tests.unit.work.test_snippets import SECRET, snippet

CALL = """
import { receive } from "./receive.mts";
const [secret, headers, body] = JSON.parse(process.argv[2]);
console.log(JSON.stringify([receive(secret, headers, body), receive(secret, headers, body + " ")]));
"""


def test_the_typescript_of_the_guide_takes_what_the_shop_signed_and_nothing_else(run: Run, tmp_path: Path):
    (tmp_path / "receive.mts").write_text(snippet("ts"))
    (tmp_path / "call.mts").write_text(CALL)
    headers = signed_headers("1-0", b'{"id":"1-0"}', [SECRET], datetime.now(UTC))
    said = run("node", "call.mts", json.dumps([SECRET, headers, '{"id":"1-0"}']), cwd=tmp_path)
    assert json.loads(said.splitlines()[-1]) == [{"id": "1-0"}, None]
