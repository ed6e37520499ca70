"""Events over HTTP: what happened in the shop, in order, for other systems."""

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema_serializer
from rest_framework.request import Request

from shop.api import fields, filters
from shop.api.examples import EVENT
from shop.api.operations import Operation
from shop.api.pagination import PAGING
from shop.api.serializer_examples import example
from shop.api.viewsets import ShopViewSet
from shop.domain.events import EVENT_ID, EventQuery, EventType
from shop.domain.pages import Position
from shop.services.events import event_document, event_list

#: Of an event's id.
MAX_ID_CHARS = 40


@extend_schema_serializer(component_name="Event", examples=example(EVENT))
class EventResponse(fields.ResponseBody):
    """Something that happened in the shop."""

    id = fields.Text(help_text="Later events have larger ids; as `after` it gives the events behind it.")
    type = fields.Choice(choices=[*EventType], component="EventType")
    at = fields.Instant()
    object = fields.Text(help_text="Id of what it happened to; the first word of the type is its kind.")
    # A serializer declares fields as attributes, and has an attribute of this name.
    data = fields.Object(  # type: ignore[assignment]
        help_text="What else is known. Nothing personal: read the object for that."
    )
    request_id = fields.Text()


def _event_id(text: str) -> str:
    if len(text) > MAX_ID_CHARS or not EVENT_ID.fullmatch(text):
        raise ValueError(text)
    return text


_TYPES = {str(type): type for type in EventType}
_FILTERS = (
    filters.choice_parameter("type", _TYPES, "Events of this type.", enumeration="EventType"),
    filters.Parameter(
        name="after",
        description="Events behind this one, whether it is there still or not.",
        expected="Use the id of an event, as 1764408600125-0.",
        schema={"type": "string", "pattern": f"^{EVENT_ID.pattern}$", "maxLength": MAX_ID_CHARS},
        parse=_event_id,
    ),
)


class EventViewSet(ShopViewSet):
    """The events of the shop."""

    operations = {
        "list": Operation(response=EventResponse, is_page=True, parameters=(*_FILTERS, *PAGING)),
    }

    def list(self, request: Request) -> HttpResponseBase:
        """List events.

        The oldest first; with `after` and the id of the last event, those that came since. A page may have fewer events
        than `page_size` and still a `next` link, because a bounded number is searched for each page.
        """
        query = self.page_request(request)
        after = query.filters.get("after")
        position = query.position or (Position(key=after) if after else None)
        wanted = EventQuery(type=query.filters.get("type"))
        page = event_list(shop=self.shop, query=wanted, size=query.size, position=position)
        return self.page_response(request, page, event_document)
