"""Products, their stock, and the indexes of the catalogue."""

from collections.abc import Iterator, Mapping

from operations.store_audit.columns import offset
from operations.store_audit.holds import HoldAudit
from operations.store_audit.indexes import Indexes
from operations.store_audit.movements import MovementAudit
from shop.domain.products import Product
from shop.domain.stock_invariant import Ledger, Violation
from shop.repositories import catalogue, records
from shop.repositories.keys import Keys


class ProductAudit:
    """Goes through the products, one by one, withdrawn ones too; `count` is how many there ever were."""

    def __init__(
        self, keys: Keys, indexes: Indexes, ledger: Ledger, movements: MovementAudit, holds: HoldAudit, count: int
    ) -> None:
        self._keys = keys
        self._indexes = indexes
        self._ledger = ledger
        self._movements = movements
        self._holds = holds
        self._count = count

    def check(self, id: str, record: Mapping[str, str]) -> Iterator[Violation]:
        """What is wrong with this product's own record.

        Raises:
            KeyError, ValueError: it cannot be read.
        """
        product, number = records.PRODUCT.read(record), record["number"]
        if product.id != id:
            yield Violation(code="product-record", subject=f"product {id}", detail=f"its field `id` is {product.id}")
        if product.stock_changed_at < product.created_at:
            detail = f"its stock changed at {product.stock_changed_at}, before it was created at {product.created_at}"
            yield Violation(code="product-record", subject=f"product {id}", detail=detail)
        opening, adjusted = int(record["opening"]), int(record["adjusted"])
        self._movements.add_product(id, record)
        self._holds.add_product(id, record)
        self._ledger.add_product(id, opening=opening, adjusted=adjusted, stock=product.stock)
        if not 0 < offset(number) <= self._count:
            yield Violation(
                code="product-record", subject=f"product {id}", detail=f"no product has the number {number}"
            )
        elif "withdrawn" not in record:
            self._expect(product, number)

    def _expect(self, product: Product, number: str) -> None:
        keys, expect = self._keys, self._indexes.expect
        self._indexes.expect_pair(keys.skus, product.sku, product.id)
        self._indexes.expect_pair(keys.product_ids, number, product.id)
        expect(keys.sold_out if product.is_sold else keys.in_stock, number)
        for index in (*catalogue.index_sets(product, keys), *catalogue.price_bitmaps(product, keys)):
            expect(index, number)
        for names, name in ((keys.categories, product.category), (keys.companies, product.company)):
            if name:
                expect(names, name)
        for entry in catalogue.index_entries(product, keys):
            member = f"{entry.sort_key}\0{number}"
            for index in entry.indexes:
                expect(index, member)
            self._indexes.expect_pair(entry.sort_keys, number, member)
            self._indexes.expect_sort_prefix(entry.zones or entry.sort_prefixes, number, entry.sort_prefix)
            if entry.blocks:
                expect(entry.blocks, entry.block)
                expect(entry.block_bitmap, number)
