"""The access of the back office, by that of the API."""

from collections.abc import Mapping

#: The pages of the back office, and for each the operation of the API whose row it has. It is for staff alone, and
#: signs in by cookie, so that no API key reaches it.
OFFICE: Mapping[str, str] = {
    "office_get": "purchases_list",
    "office-products_get": "products_list",
    "office-products-new_get": "products_retrieve",
    "office-products-new_post": "products_create",
    "office-products-detail_get": "products_retrieve",
    "office-products-detail_post": "products_update",
    "office-products-stock_get": "products_retrieve",
    "office-products-stock_post": "products_stock",
    "office-products-history_get": "audit_list",
    "office-products-movements_get": "products_movements",
    "office-products-withdraw_get": "products_retrieve",
    "office-products-withdraw_post": "products_destroy",
    "office-users_get": "users_list",
    "office-users-detail_get": "users_retrieve",
    "office-users-detail_post": "users_update",
    "office-users-role_get": "users_retrieve",
    "office-users-role_post": "users_role",
    "office-users-history_get": "audit_list",
    "office-users-erase_get": "users_retrieve",
    "office-users-erase_post": "users_destroy",
    "office-purchases_get": "purchases_list",
    "office-purchases-detail_get": "purchases_retrieve",
    "office-purchases-history_get": "audit_list",
    "office-purchases-pay_get": "purchases_retrieve",
    "office-purchases-pay_post": "purchases_pay",
    "office-purchases-ship_get": "purchases_retrieve",
    "office-purchases-ship_post": "purchases_ship",
    "office-purchases-deliver_get": "purchases_retrieve",
    "office-purchases-deliver_post": "purchases_deliver",
    "office-purchases-cancel_get": "purchases_retrieve",
    "office-purchases-cancel_post": "purchases_cancel",
    "office-purchases-refund_get": "purchases_retrieve",
    "office-purchases-refund_post": "purchases_refund",
    "office-audit_get": "audit_list",
}
