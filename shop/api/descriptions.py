"""Descriptions of views in the browsable API: text, whatever is installed beside the shop."""

from django.utils.html import linebreaks
from rest_framework.utils.formatting import dedent
from rest_framework.views import APIView


def view_description(view: APIView, html: bool = False) -> str:
    """The description of this view. DRF would render it as Markdown where that package is installed, which comes with
    the documentation site's and not with the shop: developers would see another page than visitors."""
    text = dedent(getattr(view, "description", None) or type(view).__doc__ or "")
    return linebreaks(text, autoescape=True) if html else text
