import re
from pathlib import Path

import pytest

from agents.sentinel import Launch, configuration, remember
from agents.wire import Address
from devstack.render import DEPLOY


@pytest.fixture
def launch(tmp_path: Path) -> Launch:
    return Launch(
        server=Path("/bin/valkey-server"),
        template=DEPLOY / "sentinel" / "sentinel.conf",
        directory=tmp_path / "sentinel-2",
        me=Address("10.0.1.2", 26379),
        nodes=(Address("10.0.0.1", 6379), Address("10.0.0.2", 6379), Address("10.0.0.3", 6379)),
        primary_name="evergreen",
    )


def test_a_new_sentinel_takes_the_first_node_for_the_primary_and_knows_the_others(launch):
    assert {
        "bind 10.0.1.2",
        "sentinel monitor evergreen 10.0.0.1 6379 2",
        "sentinel known-replica evergreen 10.0.0.2 6379",
        "sentinel known-replica evergreen 10.0.0.3 6379",
    } <= set(configuration(launch).splitlines())


def test_nothing_in_the_template_is_left_open(launch):
    assert re.findall(r"\$\{\w+\}", configuration(launch)) == []


def test_what_a_sentinel_has_learnt_is_never_overwritten(launch):
    remember(launch)
    launch.memory.write_text("learnt")
    remember(launch)
    assert launch.memory.read_text() == "learnt"
