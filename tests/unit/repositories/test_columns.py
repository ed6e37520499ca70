import struct

from operations.store_audit.columns import (
    NUMBER_BASE,
    ZONE_PRODUCTS,
    bitmap_faults,
    offset,
    sort_prefix_faults,
    zone_faults,
)

NUMBERS = [str(NUMBER_BASE + n) for n in (1, 9, 17)]
BITMAP = bytes([0b01000000, 0b01000000, 0b01000000])
SORT_PREFIXES = {NUMBERS[0]: 5.0, NUMBERS[1]: 7.0}
COLUMN = b"".join(struct.pack(">d", prefix) for prefix in (0, 5, 1, 1, 1, 1, 1, 1, 1, 7))


def test_the_first_product_has_offset_1():
    assert offset(str(NUMBER_BASE + 1)) == 1


def test_a_bitmap_of_the_numbers_and_no_others_is_right_with_trailing_zeros():
    assert [*bitmap_faults(NUMBERS, BITMAP), *bitmap_faults(NUMBERS, BITMAP + b"\0\0")] == []


def test_superfluous_and_missing_bits_are_counted():
    assert [list(bitmap_faults(NUMBERS[:2], BITMAP)), list(bitmap_faults(NUMBERS, b""))] == [
        ["it is at odds with its set about 1 products"],
        ["it is at odds with its set about 3 products"],
    ]


def test_a_column_with_the_sort_prefixes_is_right_with_those_of_other_products():
    assert list(sort_prefix_faults(SORT_PREFIXES, COLUMN)) == []


def test_a_wrong_sort_prefix_and_a_truncated_column_are_faults():
    assert len(list(sort_prefix_faults({**SORT_PREFIXES, NUMBERS[1]: 8.0}, COLUMN))) == 1
    assert len(list(sort_prefix_faults(SORT_PREFIXES, COLUMN[:-1]))) == 1


def test_zones_are_right_that_are_wide_enough_and_wrong_where_one_is_too_narrow_or_missing():
    prefixes = {**SORT_PREFIXES, str(NUMBER_BASE + ZONE_PRODUCTS): 9.0}
    zones = struct.pack(">dd", 6, 8) + struct.pack(">dd", 1, 10)
    assert list(zone_faults(prefixes, zones)) == []
    for narrow in (struct.pack(">dd", 7, 8) + zones[16:], struct.pack(">dd", 6, 7) + zones[16:], zones[:31]):
        assert len(list(zone_faults(prefixes, narrow))) == 1
