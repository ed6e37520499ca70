"""The first page of the back office: sales of today and of the days before, as numbers, charts and tables."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse

from shop import bootstrap
from shop.api.filters import choice_parameter, parse_query
from shop.api.shared_cache import SharedTexts
from shop.domain.callers import Caller
from shop.domain.figures import MAX_DAYS, REFUSALS, Figures, Sums, total
from shop.domain.money import STORED_CURRENCIES, Money
from shop.domain.purchases import Status
from shop.office.charts import Chart, Value, bar_chart
from shop.office.frame import is_fragment, office_view, page
from shop.services.figures import Dashboard, DayFigures, figures_dashboard

#: What charts can show beside the revenue in each currency.
COUNTS = {"purchases": "Purchases", "units": "Units"}
_SHOW = choice_parameter("show", {name: name for name in (*COUNTS, *STORED_CURRENCIES)}, "What the charts show.")
_TABLES = choice_parameter("tables", {"yes": True}, "Tables in place of the charts.")
_CACHE = SharedTexts("figures")
#: Reasons of refusals, as a person reads them.
REASONS = {
    "insufficient-stock": "Not enough in stock",
    "too-many-open-purchases": "Too many unpaid purchases",
    "unknown-product": "Unknown product",
    "mixed-currencies": "More than one currency",
    "rate-limited": "Rate limit",
    "overload": "Overload",
}
#: What waits to be done, by the status in which it waits.
WAITING = {
    Status.PLACED: "To be paid",
    Status.PAID: "To be shipped",
    Status.PARTIALLY_SHIPPED: "Partly shipped",
    Status.SHIPPED: "On their way",
}
WEEK = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Measure:
    """What a chart shows of sums. `unit` is a currency, or empty."""

    name: str
    title: str
    unit: str
    of: Callable[[Sums], Decimal]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A day or an hour of a table. `figures` are None where they are not added up yet."""

    title: str
    url_day: str
    figures: Figures | None
    refusals: int


@office_view("GET", "HEAD")
def figures(request: HttpRequest, caller: Caller) -> HttpResponse:
    """Show the sales of today and of the last days."""
    query = parse_query((_SHOW, _TABLES), _without_notice(request))
    found = figures_dashboard(shop=bootstrap.get_shop(), cache=_CACHE, days=MAX_DAYS)
    month = total(day.figures for day in found.days if day.figures)
    currencies = sorted(month.placed.minor, key=lambda currency: -month.placed.minor[currency])
    measure = measure_of(query.get("show") or (currencies or ["purchases"])[0])
    context = {
        "dashboard": found,
        "today": found.days[0].figures or Figures(),
        "yesterday": found.days[1].figures,
        "month": month,
        "waiting": [(status, WAITING[status], count) for status, count in found.backlog.purchases.items()],
        "measure": measure,
        "measures": [measure_of(name) for name in (*currencies, *COUNTS)],
        "has_tables": "tables" in query,
        "query": request.GET.urlencode(),
        "added_days": sum(day.figures is not None for day in found.days),
        "charts": _charts(found, measure),
        "refusals": _refusals(found.days),
        "hours": [*_hours(found)],
        "days": [*_days(found.days)],
    }
    return page(request, caller, f"office/figures/{'live' if is_fragment(request) else 'page'}.html", context)


def measure_of(name: str) -> Measure:
    """What a name of COUNTS, or a currency, stands for."""
    if name in COUNTS:
        return Measure(name=name, title=COUNTS[name], unit="", of=lambda sums: Decimal(getattr(sums, name)))
    return Measure(
        name=name,
        title=f"Revenue in {name}",
        unit=name,
        of=lambda sums: Decimal(str(Money(minor=sums.minor.get(name, 0), currency=name))),
    )


def _without_notice(request: HttpRequest) -> Any:
    query = request.GET.copy()
    query.pop("done", None)
    return query


def _charts(found: Dashboard, measure: Measure) -> Sequence[Chart]:
    hours = [_value(f"{hour:02}", f"{hour:02}:00", figures, measure) for hour, figures in enumerate(found.hours)]
    days = [_value(f"{day.day:%-d %b}", f"{day.day:%A %-d %B}", day.figures, measure) for day in reversed(found.days)]
    return [
        bar_chart(
            id="chart-hours",
            title=f"{measure.title} by hour, today",
            description=_summary(hours, measure),
            values=hours,
            label_every=3,
        ),
        bar_chart(
            id="chart-days",
            title=f"{measure.title} by day, the last {len(days)} days",
            description=_summary(days, measure),
            values=days,
            label_every=5,
            label_from=2,
        ),
    ]


def _value(label: str, title: str, figures: Figures | None, measure: Measure) -> Value:
    if figures is None:
        nothing = Decimal(0)
        return Value(label=label, title=f"{title}: not added up yet", sold=nothing, returned=nothing, is_known=False)
    sold, returned = measure.of(figures.sold), measure.of(figures.placed) - measure.of(figures.sold)
    text = f"{title}: {sold:,} {measure.unit}".strip()
    if returned:
        text += f", and {returned:,} cancelled or refunded"
    return Value(label=label, title=text, sold=sold, returned=returned)


def _summary(values: Iterable[Value], measure: Measure) -> str:
    """What a chart shows, in a sentence."""
    known = [value for value in values if value.is_known]
    best = max(known, key=lambda value: value.sold, default=None)
    if best is None or not best.sold:
        return "Nothing was sold."
    whole = f"{sum(value.sold for value in known):,} {measure.unit}".strip()
    return f"{whole} in all. The highest is {best.title}."


def _hours(found: Dashboard) -> Iterable[Row]:
    refusals = found.days[0].refusals.counts
    for hour, figures in enumerate(found.hours[: found.at.hour + 1]):
        count = sum(count for (at, _), count in refusals.items() if at == hour)
        yield Row(title=f"{hour:02}:00", url_day="", figures=figures, refusals=count)


def _days(days: Iterable[DayFigures]) -> Iterable[Row]:
    for day in days:
        count = sum(day.refusals.counts.values())
        yield Row(title=f"{day.day:%a %-d %b}", url_day=f"{day.day:%Y-%m-%d}", figures=day.figures, refusals=count)


def _refusals(days: Sequence[DayFigures]) -> Sequence[tuple[str, int, int, int]]:
    """Of each reason: its title, and how many refusals there were today, in a week, and in all days."""
    by_reason = [day.refusals.by_reason for day in days]
    return [
        (
            REASONS[reason],
            by_reason[0][reason],
            sum(day[reason] for day in by_reason[:WEEK]),
            sum(day[reason] for day in by_reason),
        )
        for reason in REFUSALS
    ]
