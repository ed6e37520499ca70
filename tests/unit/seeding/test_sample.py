from devstack import tour
from devstack.demo import buyers
from shop.domain.text import MAX_SHORT_CHARS
from shop.domain.vouchers import VoucherKind
from shop.seeding import sample
from tests.unit.seeding.carrying_out import loaded
from tests.unit.seeding.test_completejourney import CARD, FUEL, LINES, MILK, a_grocer

MAX_FILE_BYTES = 1_000_000


def test_the_sample_is_small_enough_to_ship():
    assert sample.FILE.stat().st_size < MAX_FILE_BYTES


def test_every_product_of_the_sample_can_be_sold_under_a_name_and_a_sku_of_its_own():
    products = sample.read()
    assert len(products) == sample.PRODUCTS
    assert len({product.id for product in products}) == len({product.sku for product in products}) == sample.PRODUCTS
    assert all(product.stock > 0 and product.price.minor > 0 for product in products)
    assert all(0 < len(product.name) <= MAX_SHORT_CHARS for product in products)


def test_the_sample_loads_without_users_and_purchases():
    store = loaded(sample.plan())
    assert (len(store.users), len(store.products), len(store.purchases)) == (0, sample.PRODUCTS, 0)


def test_the_sample_has_a_voucher_that_the_tour_and_the_demonstration_use():
    voucher = loaded(sample.plan()).vouchers[sample.WELCOME]
    assert (voucher.kind, voucher.value, voucher.currency, voucher.is_paused) == (
        VoucherKind.PERCENT,
        1_000,
        None,
        False,
    )
    assert sample.WELCOME == tour.VOUCHER == buyers.VOUCHER


def test_a_product_is_read_as_it_was_written(tmp_path):
    chosen = list(sample.best_sold(a_grocer(*LINES), products=2))
    file = tmp_path / "sample.tsv"
    file.write_text(sample.HEADER + "".join(f"{sample.line(product)}\n" for product in chosen), "utf-8")
    assert sample.read(file) == chosen


def test_the_sample_takes_what_sold_most_and_no_fuel():
    chosen = [product.sku for product in sample.best_sold(a_grocer(*LINES), products=2)]
    assert chosen == [f"CJ-{MILK}", f"CJ-{CARD}"]
    assert f"CJ-{FUEL}" not in chosen
