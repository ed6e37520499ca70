import os

import pytest

from devstack import lock
from devstack.settings import Misconfigured


def test_a_second_holder_is_refused_with_the_id_of_the_first_in_one_line(layout):
    with lock.acquire(layout), pytest.raises(Misconfigured) as refusal, lock.acquire(layout):
        pytest.fail("two hold the lock")
    assert f"(process {os.getpid()})" in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 1
    assert layout.lock.read_text() == str(os.getpid())


def test_the_lock_is_free_after_its_holder(layout):
    with lock.acquire(layout):
        assert layout.lock.exists()
    with lock.acquire(layout):
        assert layout.lock.read_text() == str(os.getpid())


def test_a_directory_that_cannot_be_made_is_one_line(layout):
    layout.run.write_text("a file")
    with pytest.raises(Misconfigured, match="name another run directory"), lock.acquire(layout):
        pytest.fail("the lock is held")
