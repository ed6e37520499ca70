"""Requests, users, products and purchases for tests to begin with: valid, and different only where a test says so."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import count

from exactly_once.requests import WriteRequest
from exactly_once.topology_report import NodeReport, SentinelReport, TopologyReport
from operations.status.instances import Instance, Traffic
from operations.status.instances import Role as InstanceRole
from operations.status.snapshot import StatusSnapshot
from shop.domain.addresses import Address
from shop.domain.api_keys import ApiKey, IssuedApiKey
from shop.domain.callers import Caller, Role, Scope
from shop.domain.events import EventType
from shop.domain.money import Money
from shop.domain.pages import Page, Position
from shop.domain.payments import Payment
from shop.domain.ports import Credentials, Shop
from shop.domain.products import Product, ProductDetails, ProductDocument, ProductQuery
from shop.domain.purchases import Line, Purchase, Sales, Shipment, Status, Units
from shop.domain.returns import Return
from shop.domain.shipping_methods import ShippingMethod
from shop.domain.transfers import Direction, TransferFormat
from shop.domain.users import User
from shop.domain.vouchers import Voucher, VoucherKind
from shop.domain.webhooks import Endpoint
from shop.services.payments import PaymentOrder, payment_begin
from shop.services.uploads import new_transfer
from shop.services.webhooks import endpoint_create

PASSWORD = "correct horse"
#: Seconds that a write may take.
TIMEOUT_S = 20
FAR_AWAY = datetime(2100, 1, 1, tzinfo=UTC)
#: Staff who are in no store.
SOME_STAFF = Caller(id="01a196fb-1601-7000-8000-0000000005af", role=Role.STAFF, token="t")
_numbers = count(1)


def a_request(**changes) -> WriteRequest:
    """A request like no other before it."""
    name = f"request-{next(_numbers)}"
    deadline = time.monotonic() + TIMEOUT_S
    made = WriteRequest(id=name, idempotency_key=name, fingerprint=f"of {name}", ttl_s=300, deadline=deadline)
    return replace(made, **changes)


def again(request: WriteRequest) -> WriteRequest:
    """The same request sent by the client once more: another id, the same record."""
    return replace(request, id=f"{request.id}-again-{next(_numbers)}")


def under_the_key_of(request: WriteRequest) -> WriteRequest:
    """Another request under the same idempotency key."""
    return replace(again(request), fingerprint="of something else")


def euros(amount: str) -> Money:
    return Money.parse(amount, "EUR")


def details(**changes) -> ProductDetails:
    made = ProductDetails(
        name="Granny Smith",
        description="A green apple.",
        category="Fruit",
        company="Orchard & Sons",
        date_manufactured=date(2026, 9, 30),
        price=euros("1.20"),
    )
    return replace(made, **changes)


def a_user(shop: Shop, **changes) -> User:
    """Not registered yet; created later than every one before."""
    now = shop.clock.now()
    made = User(
        id=shop.ids.new(now),
        email=f"user-{next(_numbers)}@example.com",
        first_name="Ada",
        last_name="Byron",
        role=Role.CUSTOMER,
        created_at=now,
        updated_at=now,
        version=1,
    )
    return replace(made, **changes)


def a_product(shop: Shop, **changes) -> Product:
    """Not in the catalogue yet."""
    now = shop.clock.now()
    made = Product(
        id=shop.ids.new(now),
        sku=f"SKU-{next(_numbers)}",
        name="Granny Smith",
        description="A green apple.",
        category="Fruit",
        company="Orchard & Sons",
        date_manufactured=date(2026, 9, 30),
        price=euros("1.20"),
        stock=10,
        created_at=now,
        updated_at=now,
        stock_changed_at=now,
        version=1,
    )
    return replace(made, **changes)


def registered(shop: Shop, **changes) -> User:
    return shop.users.register(a_request(), a_user(shop, **changes), shop.passwords.hash(PASSWORD)).value


def in_catalogue(shop: Shop, **changes) -> Product:
    return shop.products.create(a_request(), a_product(shop, **changes)).value


def products_page(shop: Shop, query: ProductQuery, size: int, position: Position | None) -> Page[Product]:
    """A page of the catalogue, its documents read as entities."""
    page = shop.products.page(query, size, position)
    products = [product_of(document) for document in page.results]
    return Page(results=products, next=page.next, previous=page.previous)


def product_of(document: ProductDocument) -> Product:
    fields = {name: value for name, value in document.items() if name not in ("price", "currency", "is_sold")}
    minor, day = int(document["price"].replace(".", "")), document["date_manufactured"]
    manufactured = date.fromisoformat(day) if isinstance(day, str) else day
    price = Money(minor=minor, currency=document["currency"])
    return Product(**{**fields, "price": price, "date_manufactured": manufactured})


def without_stock_instants(products: Mapping[str, Product]) -> dict[str, Product]:
    """These products by the same keys, as if no stock had changed since their creation."""
    return {key: replace(each, stock_changed_at=each.created_at) for key, each in products.items()}


def a_voucher(shop: Shop, **changes) -> Voucher:
    """Ten percent, not stored yet."""
    now = shop.clock.now()
    made = Voucher(
        id=shop.ids.new(now),
        code=f"CODE-{next(_numbers)}",
        kind=VoucherKind.PERCENT,
        value=1_000,
        is_paused=False,
        redeemed=0,
        created_at=now,
        updated_at=now,
        version=1,
    )
    return replace(made, **changes)


def issued(shop: Shop, **changes) -> Voucher:
    return shop.vouchers.create(a_request(), a_voucher(shop, **changes)).value


def a_shipping_method(shop: Shop, **changes) -> ShippingMethod:
    """Not stored yet."""
    now = shop.clock.now()
    made = ShippingMethod(
        code=f"method-{next(_numbers)}",
        name="Standard",
        price=euros("4.90"),
        countries=(),
        is_active=True,
        created_at=now,
        updated_at=now,
        version=1,
    )
    return replace(made, **changes)


def offered(shop: Shop, **changes) -> ShippingMethod:
    return shop.shipping_methods.create(a_request(), a_shipping_method(shop, **changes)).value


def an_address(shop: Shop, **changes) -> Address:
    """Not stored yet; created later than every one before."""
    now = shop.clock.now()
    made = Address(
        id=shop.ids.new(now),
        name="Ada Byron",
        line_1="12 St James's Square",
        line_2="",
        postal_code="SW1Y 4JH",
        city="London",
        region="",
        country="GB",
        phone="",
        is_default=False,
        created_at=now,
        updated_at=now,
        version=1,
    )
    return replace(made, **changes)


def at_home(shop: Shop, user: User, **changes) -> Address:
    return shop.addresses.create(a_request(), user.id, an_address(shop, **changes)).value


def placed(shop: Shop, buyer: str, *lines: Line) -> Purchase:
    now = shop.clock.now()
    return shop.purchases.place(a_request(), shop.ids.new(now), buyer, lines, now).value


def shipped(shop: Shop, purchase: Purchase) -> Purchase:
    """The purchase, paid and shipped as a whole."""
    now = shop.clock.now()
    shop.purchases.move(a_request(), purchase.id, Status.PAID, by=SOME_STAFF, restock=False, at=now)
    return shop.purchases.ship(a_request(), purchase.id, Shipment(at=now, lines=()), by=SOME_STAFF).value


def a_return(shop: Shop, purchase: Purchase) -> Return:
    """A requested return of all units of the purchase, which is placed."""
    now = shop.clock.now()
    lines = [Units(product=item.product, quantity=item.quantity) for item in shipped(shop, purchase).items]
    request = shop.returns.request
    return request(a_request(), shop.ids.new(now), purchase.id, lines, "Too green.", by=SOME_STAFF, at=now).value


def a_payment(shop: Shop, purchase: Purchase) -> Payment:
    """An authorized payment of the purchase, which is placed, by the fake provider."""
    order = PaymentOrder(provider="fake", method="tok_ok", return_url="", is_captured_later=True)
    return payment_begin(shop=shop, request=a_request(), caller=None, purchase=purchase.id, order=order).value


def units(product: Product, quantity: int) -> Line:
    return Line(product=product.id, quantity=quantity)


def known(shop: Shop, user: User) -> Credentials:
    """What a sign-in checks."""
    credentials = shop.users.credentials(user.email)
    assert credentials is not None
    return credentials


def signed_in(shop: Shop, user: User, expires_at: datetime = FAR_AWAY) -> Caller:
    """The user with a token of their own."""
    digest = shop.secrets.digest(shop.secrets.make_token())
    shop.users.issue_token(a_request(), known(shop, user), digest, shop.clock.now(), expires_at, "sealed")
    return Caller(id=user.id, role=user.role, token=digest)


def an_api_key(shop: Shop, *scopes: Scope, **changes) -> IssuedApiKey:
    """A key that is stored, and its secret."""
    now = shop.clock.now()
    key = ApiKey(
        id=shop.ids.new(now),
        name="A machine",
        scopes=scopes,
        networks=(),
        created_at=now,
        expires_at=FAR_AWAY,
        former_expires_at=None,
        last_used_at=None,
    )
    key, secret = replace(key, **changes), shop.secrets.make_api_key(key.id)
    shop.api_keys.create(a_request(), key, shop.secrets.digest(secret), shop.secrets.seal(secret), lambda: None)
    return IssuedApiKey(key=key, secret=secret)


def as_staff(shop: Shop) -> Caller:
    return signed_in(shop, registered(shop, role=Role.STAFF))


def an_instance(name: str = "api-1", silent_for: float = 0.2) -> Instance:
    traffic = Traffic(seconds=2, within={0.0025: 90, 0.01: 10}, failed=0)
    return Instance(name=name, silent_for=silent_for, traffic=traffic)


def a_status_snapshot(**changes) -> StatusSnapshot:
    """Everything is there."""
    nodes = [
        NodeReport(address="10.0.0.1:6379", role="primary", link="none", lag_bytes=0),
        NodeReport(address="10.0.0.2:6379", role="replica", link="connected", lag_bytes=42),
        NodeReport(address="10.0.0.3:6379", role="replica", link="connected", lag_bytes=0),
    ]
    sentinels = [
        SentinelReport(address=f"10.0.0.{host}:26379", primary="10.0.0.1:6379", sees_primary_down=False, epoch=1)
        for host in (4, 5, 6)
    ]
    made = StatusSnapshot(
        at=datetime(2026, 11, 24, 12, tzinfo=UTC),
        seen_by="api-1",
        topology=TopologyReport(primary="10.0.0.1:6379", nodes=nodes, sentinels=sentinels, quorum=True, status="ok"),
        instances=[an_instance("api-1"), an_instance("api-2")],
        workers=[replace(an_instance("worker-1"), role=InstanceRole.WORKER)],
        rates=[80, 100],
        sales=Sales(total=1234, recent=56),
        failovers=[],
    )
    return replace(made, **changes)


def an_endpoint(shop: Shop, url: str = "https://hooks.example/", types: Sequence[EventType] = ()) -> Endpoint:
    """An endpoint that is stored, of all types where none is named."""
    made = endpoint_create(shop=shop, request=a_request(), url=url, description="", types=types, is_enabled=True)
    return made.value.endpoint


def a_delivery(shop: Shop) -> tuple[str, str]:
    """The id of a webhook endpoint, and that of a delivery to it."""
    endpoint = an_endpoint(shop).id
    while shop.deliveries.plan(a_request(), "worker-1", ()).value.events:
        continue
    return endpoint, shop.deliveries.page(endpoint, 1, None).results[0].id


def a_transfer(shop: Shop, direction: Direction) -> str:
    """The id of an import or export of products of which nothing is done yet."""
    made = new_transfer(shop, direction, "products", TransferFormat.CSV, "someone")
    return shop.transfers.create(a_request(), made).value.id
