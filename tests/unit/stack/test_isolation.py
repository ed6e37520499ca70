"""When nobody hears a primary."""

import pytest

from evergreen.stack.isolation import SILENT, TOO_LATE, is_unheard


def primary(*lags, role="master"):
    replicas = {
        f"slave{place}": f"ip=127.0.0.1,port=1,state=online,offset=9,lag={lag}" for place, lag in enumerate(lags)
    }
    return {"role": role, "connected_slaves": str(len(lags)), "slave_expires_tracked_keys": "0", **replicas}


def replica(silent_for, link="up", role="slave", is_copying=False):
    return {
        "role": role,
        "master_link_status": link,
        "master_sync_in_progress": str(int(is_copying)),
        "master_last_io_seconds_ago": str(silent_for if link == "up" else -1),
        "master_link_down_since_seconds": str(silent_for if link == "down" else -1),
    }


@pytest.mark.parametrize("known", [primary(), primary(SILENT, SILENT + 3)])
@pytest.mark.parametrize("link", ["up", "down"])
def test_a_primary_is_unheard_where_all_replicas_have_heard_nothing_for_long(known, link):
    assert is_unheard(known, [replica(SILENT, link), replica(TOO_LATE - 1)])


@pytest.mark.parametrize(
    ("known", "replicas"),
    [
        (primary(SILENT), [replica(SILENT), replica(SILENT - 1)]),
        (primary(SILENT, SILENT - 1), [replica(SILENT), replica(SILENT)]),
        (primary(SILENT), [replica(SILENT, "down"), replica(0, "down")]),
        (primary(SILENT), [replica(SILENT, "down"), replica(SILENT, "down", is_copying=True)]),
        (primary(SILENT), [replica(SILENT, "down"), replica(-1, "down")]),
        (primary(SILENT), [replica(SILENT, "down"), replica(TOO_LATE, "down")]),
        (primary(SILENT), [replica(SILENT), replica(SILENT, role="master")]),
        (primary(SILENT, role="slave"), [replica(SILENT)]),
        (primary(), []),
    ],
    ids=[
        "a replica hears it",
        "it hears a replica",
        "a link has just broken",
        "a replica copies everything",
        "a replica has not been linked yet",
        "it is too late for Sentinel",
        "a replica is none",
        "the primary is none",
        "there are no replicas",
    ],
)
def test_a_primary_is_heard_where(known, replicas):
    assert not is_unheard(known, replicas)
