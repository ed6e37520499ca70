"""Bar charts as SVG, made by the server: scales, bars and labels. Colours and text sizes are the style sheet's."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

#: Of the drawing, in its own units; the browser scales it.
WIDTH, HEIGHT = 720, 240
#: Of the margins: for the labels of the scale, of the bars, and for half a line above.
LEFT, BOTTOM, TOP = 76, 40, 14
#: Of the distance between two bars.
BAR_SHARE = Decimal("0.72")
MAX_LINES = 4
#: Multiples of a power of ten that a scale counts by.
_STEPS = (1, 2, 5, 10)


@dataclass(frozen=True, kw_only=True, slots=True)
class Value:
    """What a bar shows: what was sold, and above it what was cancelled or refunded. `is_known` is False where it is
    not added up yet."""

    label: str
    title: str
    sold: Decimal
    returned: Decimal
    is_known: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Rectangle:
    """A part of a bar."""

    kind: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A bar, with its label where it has one."""

    title: str
    label: str
    x: str
    middle: str
    width: str
    parts: Sequence[Rectangle]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of the scale."""

    y: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """A drawing of WIDTH by HEIGHT."""

    id: str
    title: str
    description: str
    bars: Sequence[Bar]
    lines: Sequence[Line]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    base: int = HEIGHT - BOTTOM


def bar_chart(
    *, id: str, title: str, description: str, values: Sequence[Value], label_every: int, label_from: int = 0
) -> Chart:
    """Draw bars side by side; every so many of them have a label, from the one at place `label_from` on."""
    top = _top(max((value.sold + value.returned for value in values), default=Decimal(0)))
    slot = Decimal(WIDTH - LEFT) / max(len(values), 1)
    bars = [
        _bar(value, LEFT + slot * place, slot, top, has_label=place % label_every == label_from)
        for place, value in enumerate(values)
    ]
    return Chart(id=id, title=title, description=description, bars=bars, lines=_lines(top))


def _bar(value: Value, x: Decimal, slot: Decimal, top: Decimal, *, has_label: bool) -> Bar:
    width = slot * BAR_SHARE
    left = x + (slot - width) / 2
    sold, returned = (_height(part, top) for part in (value.sold, value.returned))
    base = Decimal(HEIGHT - BOTTOM)
    parts = [("sold", base - sold, sold), ("returned", base - sold - returned, returned)]
    if not value.is_known:
        parts = [("unknown", Decimal(TOP), base - TOP)]
    return Bar(
        title=value.title,
        label=value.label if has_label else "",
        x=_text(x),
        middle=_text(x + slot / 2),
        width=_text(slot),
        parts=[
            Rectangle(kind=kind, x=_text(left), y=_text(y), width=_text(width), height=_text(height))
            for kind, y, height in parts
            if height > 0
        ],
    )


def _height(value: Decimal, top: Decimal) -> Decimal:
    return value / top * (HEIGHT - BOTTOM - TOP)


def _lines(top: Decimal) -> Sequence[Line]:
    step = top / MAX_LINES
    return [
        Line(y=_text(HEIGHT - BOTTOM - _height(step * place, top)), label=_short(step * place))
        for place in range(MAX_LINES + 1)
    ]


def _top(highest: Decimal) -> Decimal:
    """The end of the scale: MAX_LINES steps of a round number that reach the highest value."""
    if highest <= 0:
        return Decimal(MAX_LINES)
    least = highest / MAX_LINES
    power = Decimal(10) ** least.adjusted()
    return MAX_LINES * power * next(step for step in _STEPS if step * power >= least)


def _short(value: Decimal) -> str:
    """A number of a scale, with few digits: 1,200 as 1.2k."""
    for power, unit in ((9, "G"), (6, "M"), (3, "k")):
        if value >= 10**power:
            return f"{(value / 10**power).normalize():f}{unit}"
    return f"{value.normalize():f}"


def _text(value: Decimal) -> str:
    return f"{value:.2f}"
