from uuid import UUID

from shop.seeding.ids import derived_id, draw

AT = 1_483_271_606_000


def test_an_id_is_a_uuid_of_version_7_that_carries_its_instant():
    id = UUID(derived_id(AT, "basket", 1))
    assert (id.version, id.variant, id.int >> 80) == (7, "specified in RFC 4122", AT)


def test_the_same_names_make_the_same_id_and_others_another():
    assert derived_id(AT, "basket", 1) == derived_id(AT, "basket", 1)
    made = {derived_id(AT, kind, number) for kind in ("basket", "product") for number in range(1000)}
    assert len(made) == 2000


def test_ids_of_later_instants_sort_behind():
    assert sorted([derived_id(AT + 1, "a"), derived_id(AT, "b")]) == [derived_id(AT, "b"), derived_id(AT + 1, "a")]


def test_what_is_drawn_depends_on_the_names_alone_and_is_spread_evenly():
    drawn = [draw(10, "stock", number) for number in range(10_000)]
    assert drawn == [draw(10, "stock", number) for number in range(10_000)]
    assert set(drawn) == set(range(10))
    assert max(map(drawn.count, range(10))) < 1200
