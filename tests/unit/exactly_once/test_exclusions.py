from exactly_once.client import Address
from exactly_once.exclusions import channel_of, parse_channels

REPLICA = Address("10.0.0.2", 6379)


def test_the_channel_of_a_replica_excludes_it():
    assert parse_channels([channel_of(REPLICA)]) == {REPLICA}


def test_a_channel_that_names_no_address_excludes_no_replica_and_hides_no_other_one():
    foreign = ["exactly_once:excluded:", "exactly_once:excluded:replica", "exactly_once:excluded:10.0.0.3:x"]
    assert parse_channels([*foreign, channel_of(REPLICA)]) == {REPLICA}
