import struct

from operations.store_audit.columns import FIRST, bit_faults, offset, rank_faults

NUMBERS = [str(FIRST + n) for n in (1, 9, 17)]
BITS = bytes([0b01000000, 0b01000000, 0b01000000])
RANKS = {NUMBERS[0]: 5.0, NUMBERS[1]: 7.0}
COLUMN = b"".join(struct.pack(">d", rank) for rank in (0, 5, 1, 1, 1, 1, 1, 1, 1, 7))


def test_the_first_product_is_one_place_from_the_beginning():
    assert offset(str(FIRST + 1)) == 1


def test_a_bit_for_every_number_and_no_other_is_right_whatever_zeros_follow():
    assert [*bit_faults(NUMBERS, BITS), *bit_faults(NUMBERS, BITS + b"\0\0")] == []


def test_bits_too_many_and_too_few_are_counted():
    assert [list(bit_faults(NUMBERS[:2], BITS)), list(bit_faults(NUMBERS, b""))] == [
        ["it is at odds with its set about 1 products"],
        ["it is at odds with its set about 3 products"],
    ]


def test_a_column_with_the_ranks_is_right_whatever_others_it_has():
    assert list(rank_faults(RANKS, COLUMN)) == []


def test_another_rank_and_a_column_that_ends_too_soon_are_faults():
    assert len(list(rank_faults({**RANKS, NUMBERS[1]: 8.0}, COLUMN))) == 1
    assert len(list(rank_faults(RANKS, COLUMN[:-1]))) == 1
