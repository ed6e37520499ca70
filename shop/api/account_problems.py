"""The problems of mails to customers, of API keys, of webhook endpoints, and of purchases that are not paid."""

from shop.api.problem import Problem
from shop.domain.api_keys import MAX_API_KEYS
from shop.domain.webhooks import MAX_ENDPOINTS

ACCOUNT_PROBLEMS = (
    Problem(
        code="mail-off",
        status=404,
        title="Mail is off",
        meaning="This shop sends no mail, so it has nothing that a mail confirms.",
        remedy="Ask staff for a new password: `manage.py reset_password` sets one. To have mails, set EVERGREEN_SMTP.",
    ),
    Problem(
        code="too-many-open-purchases",
        status=409,
        title="Too many open purchases",
        meaning="You have as many placed, unpaid purchases as a customer may. Nothing was bought.",
        remedy="Pay or cancel one of them first. The shop cancels those that stay unpaid.",
        members={"limit": {"type": "integer", "minimum": 1}},
        example={"limit": 1000},
    ),
    Problem(
        code="too-many-api-keys",
        status=409,
        title="Too many API keys",
        meaning=f"The shop has {MAX_API_KEYS} API keys already, expired ones included.",
        remedy="Revoke one that is not used first.",
    ),
    Problem(
        code="too-many-webhook-endpoints",
        status=409,
        title="Too many webhook endpoints",
        meaning=f"The shop has {MAX_ENDPOINTS} webhook endpoints already.",
        remedy="Delete one that is not used first.",
    ),
)
