"""Every key of a shop. This is the only place that spells one; docs/keyspace.md says what each holds.

All keys of one shop carry one hash tag, so that on a Redis Cluster they live on one primary and a script may touch any
number of them.
"""

from exactly_once.namespace import Namespace
from shop.domain.products import ProductOrder

#: The end of the key of the bitmap beside a large index set. Names of sets have no control characters, so no set's own
#: key ends in it. lua/parts/index_sets.lua has the same text.
BITMAP_SUFFIX = "\x01bits"


def ordered(index_set: str, order: ProductOrder) -> str:
    """The ordered index of the products of a category or company, or of both."""
    return f"{index_set}\x01by_{order}"


class Keys(Namespace):
    """The keys of the shop of this name."""

    def __init__(self, store: str) -> None:
        super().__init__(store)
        self.restoring = self.key("restoring")
        self.instances = self.key("instances")
        self._name_users(self._tag)
        self._name_catalogue(self._tag)
        self._name_sales(self._tag)

    def _name_users(self, tag: str) -> None:
        self.user_prefix = f"{tag}user:"
        self.users = f"{tag}users"
        self.users_by_email = f"{tag}users:by_email"
        self.emails = f"{tag}emails"
        self.staff = f"{tag}staff"
        self.erasures = f"{tag}erasures"
        self.erasing_prefix = f"{tag}erasing:"
        self.token_prefix = f"{tag}token:"
        self.tokens_not_before = f"{tag}tokens:not_before"
        self.registration_prefix = f"{tag}registration:"
        self.registrations = f"{tag}registrations"
        self.mails_prefix = f"{tag}mails:"
        self.secret_slots = f"{tag}secret_slots"
        self.api_key_prefix = f"{tag}api_key:"
        self.api_keys = f"{tag}api_keys"
        self.sign_in_failures = f"{tag}sign_in_failures"

    def _name_catalogue(self, tag: str) -> None:
        self.product_prefix = f"{tag}product:"
        self.product_sequence = f"{tag}products:sequence"
        self.product_ids = f"{tag}products:ids"
        self.product_zones = f"{tag}products:created_at_zone_map"
        self.skus = f"{tag}skus"
        self.in_stock = f"{tag}products:in_stock"
        self.sold_out = f"{tag}products:sold_out"
        self.category_prefix = f"{tag}products:category:"
        self.categories = f"{tag}products:categories"
        self.company_prefix = f"{tag}products:company:"
        self.companies = f"{tag}products:companies"
        self.currency_prefix = f"{tag}products:currency:"
        self.word_prefix = f"{tag}products:word:"
        self.price_from_prefix = f"{tag}products:price_from:"
        self.price_up_to_prefix = f"{tag}products:price_up_to:"

    def _name_sales(self, tag: str) -> None:
        self.holds_prefix = f"{tag}holds:"
        self.cart_prefix = f"{tag}cart:"
        self.guest_carts = f"{tag}carts:guests"
        self.voucher_prefix = f"{tag}voucher:"
        self.vouchers = f"{tag}vouchers"
        self.shipping_method_prefix = f"{tag}shipping_method:"
        self.shipping_methods = f"{tag}shipping_methods"
        self.movements_prefix = f"{tag}movements:"
        self.purchase_prefix = f"{tag}purchase:"
        self.purchases = f"{tag}purchases"
        self.endpoint_prefix = f"{tag}endpoint:"
        self.endpoints = f"{tag}endpoints"
        self.delivery_prefix = f"{tag}delivery:"
        self.deliveries_due = f"{tag}deliveries:due"
        self.deliveries_dead = f"{tag}deliveries:dead"
        self.purchases_by_pay_by = f"{tag}purchases:pay_by"
        self.purchases_to_forget = f"{tag}purchases:forget"
        self.return_prefix = f"{tag}return:"
        self.returns = f"{tag}returns"
        self.payment_prefix = f"{tag}payment:"
        self.payments_open = f"{tag}payments:open"
        self.payments_unrefunded = f"{tag}payments:unrefunded"
        self.refused_prefix = f"{tag}refused:"
        self.transfer_prefix = f"{tag}transfer:"
        self.transfers_due = f"{tag}transfers:due"
        self.transfers_stored = f"{tag}transfers:stored"

    def user(self, id: str) -> str:
        return f"{self.user_prefix}{id}"

    def user_tokens(self, id: str) -> str:
        return f"{self.user_prefix}{id}:tokens"

    def user_resets(self, id: str) -> str:
        return f"{self.user_prefix}{id}:resets"

    def registration(self, locator: str) -> str:
        return f"{self.registration_prefix}{locator}"

    def mails(self, digest: str) -> str:
        return f"{self.mails_prefix}{digest}"

    def user_purchases(self, id: str) -> str:
        return f"{self.user_prefix}{id}:purchases"

    def erasing_purchases(self, user: str) -> str:
        return f"{self.erasing_prefix}{user}:purchases"

    def token(self, digest: str) -> str:
        return f"{self.token_prefix}{digest}"

    def api_key(self, id: str) -> str:
        return f"{self.api_key_prefix}{id}"

    def product(self, id: str) -> str:
        return f"{self.product_prefix}{id}"

    def holds(self, product: str) -> str:
        return f"{self.holds_prefix}{product}"

    def endpoint(self, id: str) -> str:
        return f"{self.endpoint_prefix}{id}"

    def endpoint_queue(self, id: str) -> str:
        return f"{self.endpoint_prefix}{id}:queue"

    def endpoint_deliveries(self, id: str) -> str:
        return f"{self.endpoint_prefix}{id}:deliveries"

    def delivery(self, id: str) -> str:
        return f"{self.delivery_prefix}{id}"

    def cart(self, id: str) -> str:
        return f"{self.cart_prefix}{id}"

    def user_carts(self, user: str) -> str:
        return f"{self.user_prefix}{user}:carts"

    def voucher(self, code: str) -> str:
        return f"{self.voucher_prefix}{code}"

    def voucher_customers(self, code: str) -> str:
        return f"{self.voucher_prefix}{code}:customers"

    def shipping_method(self, code: str) -> str:
        return f"{self.shipping_method_prefix}{code}"

    def user_addresses(self, user: str) -> str:
        return f"{self.user_prefix}{user}:addresses"

    def movements(self, product: str) -> str:
        return f"{self.movements_prefix}{product}"

    def products_by(self, order: ProductOrder) -> str:
        return f"{self._tag}products:by_{order}"

    def products_of_category(self, category: str, order: ProductOrder) -> str:
        return ordered(f"{self.category_prefix}{category}", order)

    def products_of_company(self, company: str, order: ProductOrder) -> str:
        return ordered(f"{self.company_prefix}{company}", order)

    def products_of_both(self, company: str, category: str, order: ProductOrder) -> str:
        """The ordered index of the products that are of this company and in this category."""
        return ordered(f"{self.company_prefix}{company}\x01category:{category}", order)

    def product_sort_keys(self, order: ProductOrder) -> str:
        return f"{self._tag}products:{order}_of"

    def product_sort_prefixes(self, order: ProductOrder) -> str:
        return f"{self._tag}products:{order}_sort_prefixes"

    def product_blocks(self, order: ProductOrder) -> str:
        return f"{self._tag}products:{order}_blocks"

    def product_block_prefix(self, order: ProductOrder) -> str:
        return f"{self.product_blocks(order)}:"

    def purchase(self, id: str) -> str:
        return f"{self.purchase_prefix}{id}"

    def purchase_payments(self, id: str) -> str:
        return f"{self.purchase_prefix}{id}:payments"

    def payment(self, id: str) -> str:
        return f"{self.payment_prefix}{id}"

    def provider_event(self, provider: str, event: str) -> str:
        return f"{self._tag}provider_event:{provider}:{event}"

    def purchase_returns(self, purchase: str) -> str:
        return f"{self.purchase_prefix}{purchase}:returns"

    def user_returns(self, user: str) -> str:
        return f"{self.user_prefix}{user}:returns"

    def return_record(self, id: str) -> str:
        return f"{self.return_prefix}{id}"

    def return_index(self, status: str | None) -> str:
        return self.returns if status is None else f"{self.returns}:{status}"

    def transfer(self, id: str) -> str:
        return f"{self.transfer_prefix}{id}"

    def transfer_data(self, id: str) -> str:
        return f"{self.transfer_prefix}{id}:data"

    def transfer_errors(self, id: str) -> str:
        return f"{self.transfer_prefix}{id}:errors"

    def transfers(self, direction: str) -> str:
        return f"{self._tag}transfers:{direction}"

    def refused(self, day: str) -> str:
        return f"{self.refused_prefix}{day}"

    def purchase_index(self, user: str | None, status: str | None) -> str:
        everybody = self.purchases if user is None else self.user_purchases(user)
        return everybody if status is None else f"{everybody}:{status}"
