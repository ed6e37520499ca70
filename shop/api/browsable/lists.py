"""The form of a list: its filters, its order and the size of its pages, from the parameters that it declares."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import QueryDict

from shop.api.browsable.controls import Control, Errors, parameter_control
from shop.api.filters import Parameter
from shop.api.pagination import CURSOR, PAGE_SIZE

#: Parameters that are in sight at first. The others are folded, where there are many.
_ALWAYS_VISIBLE = ("search", "status", "ordering", "page_size")
MAX_UNFOLDED = 6
#: Parameters that leave no entry out.
_NO_FILTERS = frozenset({"ordering", PAGE_SIZE.name, CURSOR.name})


@dataclass(frozen=True, kw_only=True, slots=True)
class FilterForm:
    """The controls in sight, the folded ones, and whether those are unfolded: where one of them has a value. It is
    filtered where the query leaves entries out: neither the order nor the page does."""

    visible: Sequence[Control]
    folded: Sequence[Control]
    is_unfolded: bool
    is_filtered: bool


def filter_form(parameters: Sequence[Parameter], query: QueryDict, errors: Errors) -> FilterForm:
    """Return the form. It has no cursor: another filter begins at the first page."""
    shown = [parameter for parameter in parameters if parameter.name != CURSOR.name]
    are_few = len(shown) <= MAX_UNFOLDED
    visible = [each for each in shown if are_few or each.name in _ALWAYS_VISIBLE]
    folded = [each for each in shown if each not in visible]
    visible.sort(key=lambda each: _ALWAYS_VISIBLE.index(each.name) if each.name in _ALWAYS_VISIBLE else -1)
    return FilterForm(
        visible=[parameter_control(each, query, errors) for each in visible],
        folded=[parameter_control(each, query, errors) for each in folded],
        is_unfolded=any(each.name in query or each.name in errors for each in folded),
        is_filtered=any(each.name in query for each in parameters if each.name not in _NO_FILTERS),
    )
