"""The size limits of a request, in one place: refusing junk must cost less than sending it."""

MAX_BODY_BYTES = 128 * 1024
#: Signing in and registration need no token. deploy/nginx.conf has the same limits and the same paths.
MAX_CREDENTIALS_BODY_BYTES = 16 * 1024
CREDENTIALS_PATHS = frozenset(
    {
        "/api/login/",
        "/api/password-reset/",
        "/api/registration/",
        "/api/v1/auth/password-reset/",
        "/api/v1/auth/password-reset/confirm/",
        "/api/v1/auth/token/",
        "/api/v1/users/",
        "/api/v1/users/confirm/",
    }
)
#: The one operation with a large body, and the formats of that.
UPLOAD_PATH = "/api/v1/imports/"
UPLOAD_TYPES = {"text/csv": "csv", "application/x-ndjson": "ndjson"}
MAX_UPLOAD_BYTES = 100_000_000
BODY_LIMITS = (
    f"A body may have at most {MAX_BODY_BYTES // 1024} KiB, for signing in and registration "
    f"{MAX_CREDENTIALS_BODY_BYTES // 1024} KiB, a file that is imported {MAX_UPLOAD_BYTES // 1_000_000} MB."
)
#: JSON: levels of objects and lists, and names in one object.
MAX_DEPTH, MAX_KEYS = 32, 200
#: Field errors in one answer, and characters of a message that quotes what came in.
MAX_FIELD_ERRORS, MAX_DETAIL_CHARS = 100, 500
#: Fields of a form.
MAX_FORM_FIELDS = 200
MAX_PATH_CHARS, MAX_QUERY_CHARS, MAX_QUERY_PARAMETERS = 1_000, 8_192, 50
MAX_TOKEN_CHARS, MAX_HEADER_CHARS = 200, 2_000


def max_body_bytes(path: str, content_type: str = "") -> int:
    """Return the limit for bodies of this type sent to this path."""
    if path == UPLOAD_PATH and content_type.partition(";")[0].strip().lower() in UPLOAD_TYPES:
        return MAX_UPLOAD_BYTES
    return MAX_CREDENTIALS_BODY_BYTES if path in CREDENTIALS_PATHS else MAX_BODY_BYTES
