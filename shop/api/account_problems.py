"""The problems of mails to customers, of API keys, of webhook endpoints, and of purchases that are not paid."""

from shop.api.problem import Problem
from shop.domain.api_keys import MAX_API_KEYS
from shop.domain.transfers import MAX_STORED
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
    Problem(
        code="too-many-transfers",
        status=409,
        title="Too many imports and exports",
        meaning=f"The shop stores the data of {MAX_STORED} imports and exports already.",
        remedy="Wait until an import has ended, or delete one, or the result of an export.",
    ),
    Problem(
        code="upload-lost",
        status=409,
        title="Upload lost",
        meaning="Another request has begun the upload of this import anew, or it was cancelled or paused too long.",
        remedy="See how the import is. Where it was cancelled, send the file with a new Idempotency-Key.",
    ),
    Problem(
        code="file-not-ready",
        status=409,
        title="File not ready",
        meaning="The file of this export is not written yet, has expired after 24 hours, or was deleted.",
        remedy="See how the export is: wait until it is done, or ask for another one.",
    ),
    Problem(
        code="transfers-full",
        status=503,
        title="No room for imports and exports",
        meaning="The data of imports and exports takes as much memory of the store as it may, or the store is short "
        "of memory. What was received of this import is dropped.",
        remedy="Wait until an import has ended, or delete the result of an export, and send the file again.",
    ),
)
