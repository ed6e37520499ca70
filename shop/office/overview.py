"""The first page of the back office."""

from django.http import HttpRequest, HttpResponseRedirect
from django.urls import reverse

from shop.domain.callers import Caller
from shop.office.frame import office_view


@office_view("GET", "HEAD")
def overview(request: HttpRequest, caller: Caller) -> HttpResponseRedirect:
    """Lead to the products."""
    return HttpResponseRedirect(reverse("office-products"))
