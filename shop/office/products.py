"""Products in the back office: the catalogue, a product, and what is done to it."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from exactly_once.requests import WriteRequest, WriteResult
from shop import bootstrap
from shop.api.facets import facet_document
from shop.api.products import ProductViewSet, product_details, product_query
from shop.domain.callers import Caller
from shop.domain.errors import Invalid, SkuTaken
from shop.domain.pages import MAX_PAGE_SIZE
from shop.domain.products import Product, ProductDetails, product_document
from shop.office import forms
from shop.office.creation import creation_page
from shop.office.editing import Editor
from shop.office.frame import is_fragment, office_view, page
from shop.office.history import history_page
from shop.office.lists import Listing, list_request, listing, refused_listing
from shop.office.notices import done
from shop.services import products as services

KIND = "product"
_NEW = "office/product_new.html"
_LIST = ProductViewSet.operations["list"].parameters
EDITOR = Editor(
    kind=KIND,
    name="product",
    url="office-products",
    template="office/product.html",
    viewset=ProductViewSet,
    load=lambda shop, pk: services.product_get(shop=shop, id=pk),
    key=lambda product: product.id,
    document=product_document,
)
#: The orders of the list, with their titles.
ORDERINGS = (
    ("-created_at", "Newest first"),
    ("created_at", "Oldest first"),
    ("name", "Name, A to Z"),
    ("-name", "Name, Z to A"),
    ("price", "Price, lowest first"),
    ("-price", "Price, highest first"),
)


@office_view("GET", "HEAD")
def products(request: HttpRequest, caller: Caller) -> HttpResponse:
    """List products: filtered, sorted, a page at a time."""
    shop = bootstrap.get_shop()
    try:
        query = list_request(request, _LIST)
        found = services.product_list(
            shop=shop, query=product_query(query.filters), size=query.size, position=query.position
        )
        shown, status = listing(request, found, lambda product: product), 200
    except Invalid as error:
        shown, status = refused_listing(request, error.errors), 400
    if is_fragment(request):
        return page(request, caller, "office/products_results.html", {"listing": shown}, status=status)
    return page(request, caller, "office/products.html", _list_context(shown), status=status)


@office_view("GET", "HEAD", "POST")
def new(request: HttpRequest, caller: Caller) -> HttpResponseBase:
    """Show the form for a product, or create it."""
    body = forms.body_of(ProductViewSet, "create")
    if request.method != "POST":
        return creation_page(request, caller, _NEW, body, {})
    write = forms.form_write(request, caller)
    try:
        values = forms.form_values(request, body)
        result = services.product_create(
            shop=bootstrap.get_shop(),
            request=write,
            sku=values["sku"],
            details=product_details(values),
            stock=values["stock"],
        )
    except Invalid as error:
        return creation_page(request, caller, _NEW, body, forms.sent_values(request), error, status=400)
    except SkuTaken as error:
        refusal = forms.refused(request, error, "sku", "Another product of the catalogue has this SKU.")
        return creation_page(request, caller, _NEW, body, forms.sent_values(request), refusal, status=409)
    forms.note_replay(request, result)
    return done("product-created", "office-products-detail", pk=result.value.id)


@office_view("GET", "HEAD", "POST")
def detail(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Show a product with its forms, or save its fields."""
    if request.method != "POST":
        return EDITOR.show(request, caller, pk)

    def update(write: WriteRequest, version: int, values: Mapping[str, Any]) -> WriteResult[Product]:
        def change(product: Product) -> ProductDetails:
            return product_details({**product_document(product), **values})

        shop = bootstrap.get_shop()
        return services.product_update(shop=shop, request=write, id=pk, change=change, if_match=version)

    return EDITOR.save(request, caller, pk, update, notice="product-updated")


@office_view("GET", "HEAD")
def history(request: HttpRequest, caller: Caller, pk: str) -> HttpResponse:
    """Show what was done to a product, and by whom. A withdrawn one has a history too."""
    return history_page(request, caller, kind=KIND, id=pk)


@office_view("GET", "HEAD", "POST")
def withdraw(request: HttpRequest, caller: Caller, pk: str) -> HttpResponseBase:
    """Ask whether to withdraw a product, or withdraw it in the version that was shown."""

    def delete(write: WriteRequest, version: int) -> WriteResult[None]:
        return services.product_withdraw(shop=bootstrap.get_shop(), request=write, id=pk, if_match=version)

    return EDITOR.delete(request, caller, pk, delete, template="office/withdraw.html", notice="product-withdrawn")


def _list_context(shown: Listing) -> dict[str, Any]:
    shop = bootstrap.get_shop()
    found = services.product_categories(shop=shop, size=MAX_PAGE_SIZE, position=None)
    categories = [facet_document(facet) for facet in found.results]
    return {"listing": shown, "categories": categories, "orderings": ORDERINGS}
