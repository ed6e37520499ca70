"""Who did something, as responses name them."""

from shop.api import fields
from shop.domain.purchases import SYSTEM


class Author(fields.Id):
    """The id of a user or an API key, or `system`."""

    json_schema = {"type": "string", "pattern": f"^({fields.UUID_PATTERN}|{SYSTEM})$"}
