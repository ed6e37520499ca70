"""The Django project's settings. What differs from one place to another comes from the environment, through env.py."""

from evergreen import env
from evergreen.version import read_version
from shop.api import limits
from shop.domain import text

ENVIRONMENT = env.read()
BASE_DIR = env.ROOT

DEBUG = False
SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = list(ENVIRONMENT.hosts)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

REDIS_MASTER_NAME = ENVIRONMENT.master_name
REDIS_SENTINELS = ENVIRONMENT.sentinels
EVERGREEN_STORE = ENVIRONMENT.store
EVERGREEN_DURABILITY = ENVIRONMENT.durability
EVERGREEN_REPLICAS = ENVIRONMENT.replicas
EVERGREEN_WRITE_DEADLINE = ENVIRONMENT.write_deadline
EVERGREEN_WAITING_WRITES = ENVIRONMENT.waiting_writes
EVERGREEN_INSTANCE = ENVIRONMENT.instance
EVERGREEN_SOURCE_ADDRESS = ENVIRONMENT.source_address
EVERGREEN_REDIS_SERVER = ENVIRONMENT.redis_server

DATABASES: dict[str, object] = {}
USE_TZ = True
USE_I18N = False
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "evergreen",
    "devstack",
    "operations",
    "shop",
]
ROOT_URLCONF = "evergreen.urls"
WSGI_APPLICATION = "evergreen.wsgi.application"
MIDDLEWARE = [
    "shop.api.concurrency.in_turn",
    "shop.api.middleware.requests",
    "shop.api.request_limits.limit_requests",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "shop" / "api" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "shop" / "api" / "static"]
# Straight from the packages: no collectstatic to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = limits.MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = limits.MAX_FORM_FIELDS
# No form has a file.
DATA_UPLOAD_MAX_NUMBER_FILES = 0
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "shop.api.errors.csrf_failure"

AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "first_name", "last_name")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]

REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["shop.api.rendering.JSONRenderer", "shop.api.rendering.BrowsableRenderer"],
    "DEFAULT_PARSER_CLASSES": [
        "shop.api.parsing.JSONParser",
        "shop.api.parsing.SignedInFormParser",
        "shop.api.parsing.SignedInMultiPartParser",
    ],
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "shop.api.authentication.BearerAuthentication",
        "shop.api.authentication.CookieAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "shop.api.rendering.Negotiation",
    "DEFAULT_SCHEMA_CLASS": "shop.api.schema.OperationSchema",
    "DEFAULT_METADATA_CLASS": None,
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "shop.api.errors.handle",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Evergreen Stores",
    "DESCRIPTION": (
        "An online shop that does not go down and does not lose an order.\n\n"
        f"Limits of a request: {limits.BODY_LIMITS} JSON nests at most {limits.MAX_DEPTH} deep, an object has at most "
        f"{limits.MAX_KEYS} names, a query at most {limits.MAX_QUERY_PARAMETERS} parameters. Text has at most "
        f"{text.MAX_MARKS_IN_A_ROW} combining marks in a row (UAX #15). An answer lists at most "
        f"{limits.MAX_FIELD_ERRORS} field errors."
    ),
    "VERSION": read_version(),
    "OAS_VERSION": "3.1.1",
    "LICENSE": {"name": "MIT", "identifier": "MIT"},
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_NO_READ_ONLY_REQUIRED": True,
    "ENFORCE_NON_BLANK_FIELDS": True,
    "PARSER_WHITELIST": ["shop.api.parsing.JSONParser"],
    "POSTPROCESSING_HOOKS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

LOGGING_CONFIG = "evergreen.logs.configure"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "evergreen.logs.json_lines"}},
    # The API writes a line of its own about every answer that matters; Django's add the traceback.
    "filters": {"raised": {"()": "evergreen.logs.Raised"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
        "tracebacks": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["raised"]},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django.request": {"handlers": ["tracebacks"], "level": "ERROR", "propagate": False},
        "django.security": {"level": "CRITICAL"},
    },
}
