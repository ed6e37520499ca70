"""Panels and dashboards as Grafana's JSON has them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT, NARROW, LOW = 8, 8, 4, 4
FULL = 24


@dataclass(frozen=True, kw_only=True)
class Panel:
    """A panel: its queries with the names of their series, its unit, and how it is drawn; `least` is where its axis
    begins, None where the values decide."""

    title: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    kind: str = "timeseries"
    description: str = ""
    stacked: bool = False
    least: float | None = 0
    thresholds: Sequence[tuple[float | None, str]] = ((None, "green"),)
    words: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """A dashboard: rows of panels, and the variables that its queries use, each with the query of its values."""

    uid: str
    title: str
    rows: Sequence[tuple[str, Sequence[Panel]]]
    variables: Sequence[tuple[str, str]] = ()


def document(dashboard: Dashboard, annotations: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """The dashboard's JSON; `annotations` are names, queries and colours of what is marked in every panel."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "tags": ["evergreen"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "5s",
        "time": {"from": "now-30m", "to": "now"},
        "timezone": "browser",
        "links": [
            {"type": "dashboards", "tags": ["evergreen"], "title": "Dashboards", "asDropdown": True, "keepTime": True}
        ],
        "templating": {"list": [_variable(*variable) for variable in dashboard.variables]},
        "annotations": {"list": [_annotation(*annotation) for annotation in annotations]},
        "panels": _panels(dashboard.rows),
    }


def _panels(rows: Sequence[tuple[str, Sequence[Panel]]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    top = 0
    for title, panels in rows:
        found.append({"id": len(found) + 1, "type": "row", "title": title, "gridPos": _place(0, top, FULL, 1)})
        top, left, lowest = top + 1, 0, 0
        for panel in panels:
            width, height = (NARROW, LOW) if panel.kind == "stat" else (WIDTH, HEIGHT)
            if left + width > FULL:
                top, left, lowest = top + lowest, 0, 0
            found.append(_panel(len(found) + 1, panel, _place(left, top, width, height)))
            left, lowest = left + width, max(lowest, height)
        top += lowest
    return found


def _panel(id: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": id,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": SOURCE, "expr": query, "legendFormat": name}
            for number, (query, name) in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _options(panel),
    }


def _defaults(panel: Panel) -> dict[str, Any]:
    steps = [{"value": value, "color": colour} for value, colour in panel.thresholds]
    mappings = [{"type": "value", "options": {value: {"text": text} for value, text in panel.words.items()}}]
    custom = {"fillOpacity": 20, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    return {
        "unit": panel.unit,
        "min": panel.least,
        "thresholds": {"mode": "absolute", "steps": steps},
        "mappings": mappings if panel.words else [],
        "custom": custom if panel.kind == "timeseries" else {},
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background", "graphMode": "area"}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _annotation(name: str, query: str, colour: str) -> dict[str, Any]:
    return {"name": name, "datasource": SOURCE, "expr": query, "iconColor": colour, "enable": True, "step": "5s"}


def _place(x: int, y: int, w: int, h: int) -> dict[str, int]:
    return {"x": x, "y": y, "w": w, "h": h}
