"""Examples of serializers in the OpenAPI document."""

from typing import Any

from drf_spectacular.utils import OpenApiExample


def example(value: dict[str, Any], *without: str) -> list[OpenApiExample]:
    """Make an example for a serializer of `value`, without the members that `without` names."""
    members = {name: member for name, member in value.items() if name not in without}
    return [OpenApiExample("Example", value=members, status_codes=["200", "201", "202"])]
