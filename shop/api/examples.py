"""Examples of the resources in the OpenAPI document."""

USER = {
    "id": "019a6e2f-7c00-7a3b-9d5e-1f2a3b4c5d6e",
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Byron",
    "role": "customer",
    "created_at": "2026-11-10T09:30:00.125000Z",
    "updated_at": "2026-11-10T09:30:00.125000Z",
    "version": 1,
}
ETAG = '"1.120.1a1c4cd20ab"'
PASSWORD = "correct horse battery staple"
SESSION = {
    "id": "5f0c1f6e-6a3d-4b58-9c1a-7d2e3f4a5b6c",
    "created_at": "2026-11-10T09:30:00.125000Z",
    "last_used_at": "2026-11-24T09:30:00.125000Z",
    "expires_at": "2026-11-24T09:30:00.125000Z",
    "is_current": True,
}
API_KEY = {
    "id": "019a6e2f-9a10-7c44-8e21-5b6c7d8e9f01",
    "name": "Warehouse scanner",
    "scopes": ["stock:write"],
    "networks": ["192.0.2.0/24"],
    "created_at": "2026-11-10T09:30:07.696000Z",
    "expires_at": "2027-05-01T00:00:00Z",
    "former_expires_at": None,
    "last_used_at": "2026-11-24T09:30:00.125000Z",
}
API_KEY_SECRET = f"evk_{'0' * 71}"
AUDIT_ENTRY = {
    "sequence": 4711,
    "at": "2026-11-24T09:30:00.125000Z",
    "operation": "products_stock",
    "actor": API_KEY["id"],
    "role": "api-key",
    "network": "192.0.2.0/24",
    "object": "product:019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f",
    "changes": [{"field": "stock", "before": "70", "after": "120"}],
    "request_id": "0" * 32,
}
MOVEMENT = {
    "id": "1764408600125-0",
    "at": "2026-11-24T09:30:00.125000Z",
    "kind": "sale",
    "quantity": -2,
    "reference": "019a6e33-4a10-7c21-9b7e-1f2a3b4c5d6e",
    "by": None,
}
EVENT = {
    "id": "1764408600125-0",
    "type": "purchase.placed",
    "at": "2026-11-24T09:30:00.125000Z",
    "object": "019a6e33-4a10-7c21-9b7e-1f2a3b4c5d6e",
    "data": {"total": "4.98", "currency": "EUR"},
    "request_id": "0" * 32,
}
WEBHOOK_ENDPOINT = {
    "id": "019a6e35-2c10-7d44-8e21-5b6c7d8e9f02",
    "url": "https://hooks.example/shop",
    "description": "The warehouse",
    "types": ["purchase.paid", "purchase.cancelled"],
    "is_enabled": True,
    "failing_since": None,
    "former_expires_at": None,
    "created_at": "2026-11-10T09:30:07.696000Z",
    "updated_at": "2026-11-10T09:30:07.696000Z",
}
WEBHOOK_SECRET = f"whsec_{'0' * 44}"
_PAYMENT_ID = "019a6e33-5c40-7b21-8b7e-3a4b5c6d7e8f"
DELIVERY = {
    "id": f"{WEBHOOK_ENDPOINT['id']}:{EVENT['id']}",
    "endpoint": WEBHOOK_ENDPOINT["id"],
    "event": {**EVENT, "type": "purchase.paid", "data": {"payment": _PAYMENT_ID, "from": "placed"}},
    "status": "delivered",
    "attempts": 1,
    "created_at": "2026-11-24T09:30:00.310000Z",
    "give_up_at": "2026-11-27T09:30:00.310000Z",
    "attempted_at": "2026-11-24T09:30:00.425000Z",
    "response_status": 204,
    "error": "",
    "duration_ms": 87,
}
REFUND = {
    "id": "019a6e34-5b20-7d32-8a6f-2a3b4c5d6e7f",
    "amount": "2.49",
    "status": "succeeded",
    "restock": False,
    "reason": "Bruised",
    "by": "019a6e2f-7c00-7a3b-9d5e-1f2a3b4c5d6e",
    "created_at": "2026-11-24T10:15:00.125000Z",
}
PAYMENT = {
    "id": _PAYMENT_ID,
    "purchase": "019a6e33-4a10-7c21-9b7e-1f2a3b4c5d6e",
    "provider": "fake",
    "status": "partially_refunded",
    "amount": "4.98",
    "currency": "EUR",
    "authorized": "4.98",
    "captured": "4.98",
    "refunded": "2.49",
    "refunds": [REFUND],
    "client_secret": None,
    "redirect_url": None,
    "failure": None,
    "created_at": "2026-11-24T09:32:20.125000Z",
    "updated_at": "2026-11-24T10:15:00.440000Z",
    "version": 4,
}
VOUCHER = {
    "id": "019a6e35-2c40-7b18-9f63-2d3e4f5a6b7c",
    "code": "WELCOME10",
    "kind": "percent",
    "value": "10.00",
    "currency": "EUR",
    "minimum": "20.00",
    "starts_at": "2026-11-01T00:00:00Z",
    "ends_at": "2027-01-01T00:00:00Z",
    "limit": 1000,
    "limit_per_customer": 1,
    "redeemed": 0,
    "is_paused": False,
    "created_at": "2026-11-10T09:33:10.250000Z",
    "updated_at": "2026-11-10T09:33:10.250000Z",
    "version": 1,
}
SHIPPING_METHOD = {
    "code": "standard",
    "name": "Standard, 2 to 3 days",
    "price": "4.90",
    "currency": "EUR",
    "countries": ["AT", "DE"],
    "active": False,
    "created_at": "2026-11-10T09:33:20.125000Z",
    "updated_at": "2026-11-10T09:33:20.125000Z",
    "version": 1,
}
ADDRESS = {
    "id": "019a6e36-1d50-7e29-8a74-3e4f5a6b7c8d",
    "name": "Ada Byron",
    "line_1": "12 St James's Square",
    "line_2": "Top bell",
    "postal_code": "SW1Y 4JH",
    "city": "London",
    "region": "Greater London",
    "country": "GB",
    "phone": "+44 20 7946 0000",
    "is_default": True,
    "created_at": "2026-11-10T09:33:30.500000Z",
    "updated_at": "2026-11-10T09:33:30.500000Z",
    "version": 1,
}
_POSTAL = ("name", "line_1", "line_2", "postal_code", "city", "region", "country", "phone")
PRODUCT = {
    "id": "019a6e30-1b58-7f10-8c2d-0a1b2c3d4e5f",
    "sku": "APPLE-1KG",
    "name": "Apples, 1 kg",
    "description": "Crisp and red.",
    "category": "Fruit",
    "company": "Orchard & Sons",
    "date_manufactured": "2026-11-01",
    "price": "2.49",
    "currency": "EUR",
    "stock": 120,
    "is_sold": False,
    "created_at": "2026-11-10T09:31:00.440000Z",
    "updated_at": "2026-11-10T09:31:00.440000Z",
    "stock_changed_at": "2026-11-10T09:32:20.011000Z",
    "version": 1,
}
PURCHASE = {
    "id": "019a6e31-55aa-7d21-b1f4-6c7d8e9fa0b1",
    "user": USER["id"],
    "status": "placed",
    "items": [
        {
            "product": PRODUCT["id"],
            "sku": PRODUCT["sku"],
            "name": PRODUCT["name"],
            "unit_price": "2.49",
            "quantity": 2,
            "line_total": "4.98",
        }
    ],
    "total": "4.98",
    "currency": "EUR",
    "created_at": "2026-11-10T09:32:20.010000Z",
    "updated_at": "2026-11-10T09:32:20.010000Z",
    "version": 1,
    "history": [{"status": "placed", "at": "2026-11-10T09:32:20.010000Z", "by": USER["id"]}],
    "cart": None,
    "email": None,
    "shipping_address": None,
    "shipping_method": None,
    "voucher": None,
    "discount": "0.00",
    "shipping": "0.00",
    "shipments": [],
    "pay_by": None,
}
_RETURNED = {"product": PRODUCT["id"], "quantity": 1}
SHIPMENT = {"lines": [_RETURNED], "carrier": "Evergreen Post", "tracking": "EG123456789"}
RETURN = {
    "id": "019a6e35-0f4e-7a61-b8d9-2a3b4c5d6e7f",
    "purchase": PURCHASE["id"],
    "status": "requested",
    "lines": [_RETURNED],
    "received": [],
    "restocked": [],
    "reason": "Too green.",
    "created_at": "2026-11-24T09:30:00.125000Z",
    "updated_at": "2026-11-24T09:30:00.125000Z",
    "version": 1,
}

POSTAL_ADDRESS = {name: value for name, value in ADDRESS.items() if name in _POSTAL}
CART_TOKEN = f"evc_{'x' * 43}"
CART = {
    "id": "019a6e37-0c61-7a4f-9e85-4f5a6b7c8d9e",
    "currency": "EUR",
    "lines": [
        {
            "product": PRODUCT["id"],
            "sku": PRODUCT["sku"],
            "name": PRODUCT["name"],
            "quantity": 2,
            "seen_price": "2.49",
            "unit_price": "2.49",
            "line_total": "4.98",
            "available": 120,
        }
    ],
    "email": None,
    "shipping_address": POSTAL_ADDRESS,
    "shipping_method": None,
    "voucher": None,
    "totals": {"items": "4.98", "discount": "0.00", "shipping": "0.00", "total": "4.98"},
    "problems": [{"code": "email-missing", "pointer": "/email", "detail": "Set the email address."}],
    "hold": {"expires_at": "2026-11-10T09:47:00.125000Z"},
    "purchase": None,
    "created_at": "2026-11-10T09:31:30.250000Z",
    "updated_at": "2026-11-10T09:32:00.125000Z",
    "expires_at": "2026-12-10T09:32:00.125000Z",
    "version": 3,
}
CART_SUMMARY = {
    **{name: CART[name] for name in ("id", "currency", "voucher", "hold", "purchase")},
    "user": None,
    "lines": 1,
    **{name: CART[name] for name in ("created_at", "updated_at", "version")},
}


IMPORT = {
    "id": "019a6e38-2c40-7d1a-8b3c-5d6e7f8091a2",
    "kind": "products",
    "format": "csv",
    "status": "running",
    "bytes": 1048576,
    "bytes_done": 262144,
    "sha256": "0" * 64,
    "rows_done": 2999,
    "rows_failed": 1,
    "error": "",
    "created_by": USER["id"],
    "created_at": "2026-11-24T09:30:00.125000Z",
    "started_at": "2026-11-24T09:30:01.250000Z",
    "finished_at": None,
}


EXPORT = {
    "id": "019a6e39-1b20-7e4c-9d2a-6e7f8091a2b3",
    "kind": "purchases",
    "format": "csv",
    "status": "done",
    "since": "2026-10-01T00:00:00Z",
    "until": None,
    "bytes": 524288,
    "rows_done": 1200,
    "error": "",
    "created_by": USER["id"],
    "created_at": "2026-11-24T09:30:00.125000Z",
    "started_at": "2026-11-24T09:30:01.250000Z",
    "finished_at": "2026-11-24T09:30:03.500000Z",
}
