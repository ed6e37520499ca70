"""The front page, for people and for programs, and the short addresses that lead to other pages."""

import json
import secrets
import shlex
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from exactly_once.errors import ExactlyOnceError
from shop import bootstrap
from shop.api.examples import PRODUCT
from shop.api.health import store_status
from shop.api.methods import MethodView, require_safe
from shop.api.rendering import as_json, prefers_html
from shop.api.site import viewer_context
from shop.domain.products import ProductDocument, ProductQuery
from shop.services.products import product_list

#: What the page says of each status of the store, and the tone of its badge.
STATUSES: Mapping[str, tuple[str, str]] = {
    "ok": ("Serving, with every part up", "ok"),
    "degraded": ("Serving, with a part down", "warn"),
    "read-only": ("Reads only, until there is a primary", "bad"),
    "down": ("The store does not answer", "bad"),
}
#: For which a process shows the same product: the page is public.
MAX_PRODUCT_AGE_S = 1
_INDEX = {
    "api": "/api/v1/",
    "schema": "/api/schema/",
    "docs": "/api/docs/",
    "problems": "/problems/",
    "status": "/status/",
    "health": "/healthz",
}


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Show what this is and where to go on: a page for browsers, an index of addresses for any other client."""
    if prefers_html(request):
        response = render(request, "shop/landing.html", _page_context(request))
        # It has the name of its reader, and a password made for this one response.
        response["Cache-Control"] = "no-store"
    else:
        response = HttpResponse(as_json(_index(request)), content_type="application/json")
    patch_vary_headers(response, ["Accept", "Cookie"])
    return response


def redirect_to(url_name: str) -> MethodView:
    """Make a view that leads to the page of this name, with 302: another version may lead elsewhere."""

    @require_safe
    def redirect(request: HttpRequest) -> HttpResponse:
        return HttpResponseRedirect(reverse(url_name))

    return redirect


def _index(request: HttpRequest) -> dict[str, Any]:
    about = {"name": settings.SPECTACULAR_SETTINGS["TITLE"], "version": settings.SPECTACULAR_SETTINGS["VERSION"]}
    return about | {name: request.build_absolute_uri(path) for name, path in _INDEX.items()}


def _page_context(request: HttpRequest) -> dict[str, Any]:
    product: Any = cache.get_or_set("landing_product", _product_in_stock, MAX_PRODUCT_AGE_S)
    text, tone = STATUSES[store_status()]
    sku: Any = (product or PRODUCT)["sku"]
    return {
        "section": "home",
        "next_path": "/",
        "product": product,
        "commands": first_purchase(f"{request.scheme}://{request.get_host()}", sku),
        "is_mail_on": bootstrap.get_shop().mailer.is_on,
        "status_text": text,
        "status_tone": tone,
        **viewer_context(request),
    }


def _product_in_stock() -> ProductDocument:
    """The newest product in stock; an empty document where there is none, or no node answers."""
    try:
        page = product_list(shop=bootstrap.get_shop(), query=ProductQuery(in_stock=True), size=1, position=None)
    except ExactlyOnceError:
        return {}
    return dict(page.results[0]) if page.results else {}


def first_purchase(origin: str, sku: str) -> list[str]:
    """Three lines for a shell that register a user, sign in and buy one unit of this SKU; every word is quoted."""
    account = {"email": f"ada-{secrets.token_hex(4)}@example.com", "password": secrets.token_urlsafe(15)}
    order = {"items": [{"sku": sku, "quantity": 1}]}
    token = "-H \"Authorization: Bearer $TOKEN\" -H 'Idempotency-Key: first-order'"
    return [
        _curl(f"{origin}/api/v1/users/", account),
        f"TOKEN=$({_curl(f'{origin}/api/v1/auth/token/', account)} | grep -o 'evg_[^\"]*')",
        _curl(f"{origin}/api/v1/purchases/", order, token),
    ]


def _curl(url: str, body: Any, options: str = "") -> str:
    data = f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"
    return " ".join(word for word in ("curl -s", shlex.quote(url), options, data) if word)
