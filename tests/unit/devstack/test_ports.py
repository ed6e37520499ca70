import socket

from devstack import ports

NETWORK, PORT = "127.24.2", 18090


def test_free_addresses_are_no_conflict():
    assert ports.conflict(NETWORK, PORT) is None


def test_a_port_in_use_is_one_line_that_offers_the_next_free_one():
    with socket.create_server((ports.HOST, PORT)), socket.create_server((ports.HOST, PORT + 1)):
        line = ports.conflict(NETWORK, PORT)
    assert line is not None
    assert line.startswith(f"127.0.0.1:{PORT} is in use by ")
    assert line.endswith(f": stop that, or start beside it: EVERGREEN_PORT={PORT + 2} make run.")


def test_a_network_in_use_is_one_line_that_offers_the_next_free_one():
    with socket.create_server((ports.first_node(NETWORK), ports.FIRST_NODE_PORT)):
        line = ports.conflict(NETWORK, PORT)
    assert line is not None
    assert line.endswith("EVERGREEN_RUN=.run-2 EVERGREEN_NETWORK=127.24.3 make run.")


def test_after_the_last_port_none_is_offered():
    assert ports.next_free_port(ports.MAX_PORT) == "PORT"
