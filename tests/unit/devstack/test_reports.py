from configuration import PROGRAM
from devstack import reports


def test_a_killed_primary_says_that_writes_wait_and_where_to_watch(layout):
    text = reports.killed(layout, "redis-1", "primary", 41)
    assert text.startswith("redis-1 (primary), process 41, was ended by SIGKILL, and the supervisor starts it again.")
    assert "Writes wait until another node is primary" in text
    assert text.endswith(f"Watch: http://127.0.0.1:18080/status/, or `{PROGRAM} topology --watch`.")


def test_a_killed_instance_says_who_serves_meanwhile(layout):
    text = reports.killed(layout, "api-1", "", 41)
    assert text.startswith("api-1, process 41, was ended by SIGKILL")
    assert "nginx repeats its requests on the other instance" in text


def test_a_restart_says_how_long_it_took_and_where_to_watch(layout):
    text = reports.restarted(layout, "api-1", "", 42, 1.23)
    assert text.startswith("api-1 was restarted, and does its part again after 1.2 s as process 42.\n")
    assert f"{layout.url}/status/" in text
