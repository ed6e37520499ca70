"""A sample of the grocer's catalogue that comes with the project: 2,000 products, no users and no purchases.

The data is that of the R package `completejourney`, which CRAN distributes under CC0. Ids, prices and stock are those
that the whole dataset gives these products, so that seeding the whole dataset afterwards finds them.
`python -m shop.seeding.sample` writes the file anew from the dataset.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from shop.domain.money import Money
from shop.domain.products import Product
from shop.domain.vouchers import Voucher, VoucherKind
from shop.seeding.completejourney_catalogue import Catalogue
from shop.seeding.grocer import Grocer
from shop.seeding.ids import derived_id
from shop.seeding.plan import Plan, Section

FILE = Path(__file__).with_name("sample.tsv")
PRODUCTS = 2_000
#: The code of the voucher that comes with them: a tenth of the items, for everyone.
WELCOME = "WELCOME10"
_MADE_AT = datetime(2017, 1, 1, tzinfo=UTC)
#: No products: fuel is sold by the gallon, and the others are for the grocer's own use.
EXCLUDED = {"FUEL", "COUPON", "MISCELLANEOUS", "CHARITABLE CONT", "CNTRL/STORE SUP", "GM MERCH EXP"}
HEADER = (
    "# 2,000 products of a real grocer: The Complete Journey by 84.51, as of the R package completejourney (CC0)\n"
    "# id\tsku\tname\tdescription\tcategory\tcompany\tprice in the minor unit\tcurrency\tstock\tlisted at, in seconds\n"
)


def plan(file: Path = FILE) -> Plan:
    """Return the products of the sample, and a voucher for them, without users and purchases."""
    products = read(file)
    return Plan(
        users=Section(ids=[], make=_make_none),
        products=Section(ids=[product.id for product in products], make=lambda place: products[place]),
        purchases=Section(ids=[], make=_make_none),
        vouchers=Section(ids=[WELCOME], make=_voucher),
    )


def read(file: Path = FILE) -> list[Product]:
    """Return the products of the file."""
    lines = file.read_text("utf-8").splitlines()
    return [_product(line.split("\t")) for line in lines if not line.startswith("#")]


def best_sold(grocer: Grocer, products: int = PRODUCTS) -> Iterator[Product]:
    """Return so many products of the grocer, those of which most units were sold, in the order of their listings."""
    catalogue, units = Catalogue(grocer), Counter[int]()
    for number, quantity in zip(grocer.sales.product, grocer.sales.quantity, strict=True):
        units[number] += quantity
    sold = [listing.product for listing in grocer.listings if listing.department not in EXCLUDED]
    chosen = set(sorted(sold, key=lambda number: -units[number])[:products])
    for place, listing in enumerate(grocer.listings):
        if listing.product in chosen:
            yield catalogue.product(place)


def line(product: Product) -> str:
    """Return a product as a line of the file."""
    price, listed = product.price, int(product.created_at.timestamp())
    texts = (product.id, product.sku, product.name, product.description, product.category, product.company)
    return "\t".join(map(str, (*texts, price.minor, price.currency, product.stock, listed)))


def _product(fields: Sequence[str]) -> Product:
    id, sku, name, description, category, company, minor, currency, stock, listed = fields
    at = datetime.fromtimestamp(int(listed), UTC)
    return Product(
        id=id,
        sku=sku,
        name=name,
        description=description,
        category=category,
        company=company,
        date_manufactured=None,
        price=Money(minor=int(minor), currency=currency),
        stock=int(stock),
        created_at=at,
        updated_at=at,
        stock_changed_at=at,
        version=1,
    )


def _voucher(place: int) -> Voucher:
    return Voucher(
        id=derived_id(int(_MADE_AT.timestamp() * 1000), "sample", "voucher", WELCOME),
        code=WELCOME,
        kind=VoucherKind.PERCENT,
        value=1_000,
        is_paused=False,
        redeemed=0,
        created_at=_MADE_AT,
        updated_at=_MADE_AT,
        version=1,
    )


def _make_none(place: int) -> NoReturn:
    raise IndexError(place)


def main() -> None:
    """Write the file from the dataset, which must be installed."""
    from shop.seeding import completejourney_files

    lines = map(line, best_sold(completejourney_files.read()))
    FILE.write_text(HEADER + "\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
