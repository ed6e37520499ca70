"""Load and a check on a shop that is known by its URL and the credentials of a member of staff."""

import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import replace

import pytest

from chaos import http_target
from chaos.anomalies import Anomaly
from chaos.checker import check
from chaos.history import CallKind
from chaos.http_target import HttpTarget
from chaos.load import Load
from chaos.mix import Mix
from configuration import ROOT
from devstack.temporary import RunningStack


@pytest.fixture
def target(stack: RunningStack, monkeypatch: pytest.MonkeyPatch) -> HttpTarget:
    monkeypatch.setattr(http_target, "SETTLE_S", 1.0)
    command = [sys.executable, "manage.py", "create_staff", "--email", f"{uuid.uuid4().hex}@example.com", "--generate"]
    variables = {**os.environ, **stack.environment}
    made = subprocess.run([*command, "--json"], cwd=ROOT, env=variables, capture_output=True, text=True, check=True)
    account = json.loads(made.stdout)
    return HttpTarget(stack.base_url, account["email"], account["password"])


def test_a_load_without_faults_has_no_violations_and_a_purchase_that_is_not_there_is_lost(target: HttpTarget):
    target.heal()
    stage = target.set_up()
    load = Load(target.url, Mix(stage), 40)
    load.start()
    time.sleep(4)
    history = load.stop()
    contents = target.read_contents(stage, history)
    assert check(history, stage, contents) == []
    made = next(call for call in history.calls if call.kind is CallKind.PURCHASE and call.is_success)
    api = contents["api"]
    purchases = {id: purchase for id, purchase in api.purchases.items() if id != made.content["id"]}
    found = check(history, stage, {"api": replace(api, purchases=purchases)})
    assert Anomaly.LOST in {violation.anomaly for violation in found}
