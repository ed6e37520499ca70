"""The Django project's settings. What differs from place to place comes from the environment, by configuration."""

import os
import socket
from urllib.parse import urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

import configuration
from configuration import accounts, backups, payments, rate_limits, shop
from configuration import limits as process_limits
from evergreen.caches import USER, caches
from evergreen.version import read_version
from exactly_once.credentials import Credentials
from shop.api import introduction, limits

try:
    CONFIGURATION = configuration.read_shop(os.environ)
except configuration.ConfigurationError as error:
    raise ImproperlyConfigured(str(error)) from None
BASE_DIR = configuration.ROOT

DEBUG = False
SECRET_KEY = CONFIGURATION[shop.SECRET_KEY]
SECRET_KEY_FALLBACKS = [*CONFIGURATION[shop.SECRET_KEY_FALLBACKS]]
ALLOWED_HOSTS = [*CONFIGURATION[shop.HOSTS]]
# nginx replaces it: by what it saw itself, or by the word of a proxy in EVERGREEN_TRUSTED_PROXIES.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CORS_ALLOWED_ORIGINS = [*CONFIGURATION[shop.CORS_ORIGINS]]

REDIS_MASTER_NAME = CONFIGURATION[shop.PRIMARY_NAME]
REDIS_SENTINELS = CONFIGURATION[shop.SENTINELS]
EVERGREEN_STORE = CONFIGURATION[shop.STORE]
EVERGREEN_DURABILITY = CONFIGURATION[shop.DURABILITY]
EVERGREEN_REPLICAS = CONFIGURATION[shop.REPLICAS]
EVERGREEN_INSTANCE = CONFIGURATION[shop.INSTANCE] or socket.gethostname()
EVERGREEN_SOURCE_ADDRESS = CONFIGURATION[shop.SOURCE_ADDRESS]
EVERGREEN_REDIS_USERNAME = CONFIGURATION[shop.REDIS_USERNAME]
EVERGREEN_REDIS_PASSWORD_FILE = CONFIGURATION[shop.REDIS_PASSWORD_FILE]
EVERGREEN_REDIS_CA_FILE = CONFIGURATION[shop.REDIS_CA_FILE]
EVERGREEN_REDIS_SERVER = CONFIGURATION[shop.REDIS_SERVER]
EVERGREEN_AUDIT_RETENTION_DAYS = CONFIGURATION[shop.AUDIT_RETENTION_DAYS]
EVERGREEN_AUDIT_MAX_ENTRIES = CONFIGURATION[shop.AUDIT_MAX_ENTRIES]
EVERGREEN_CERTIFICATES = CONFIGURATION[shop.CERTIFICATES]
EVERGREEN_MONITORING_PASSWORD = CONFIGURATION[shop.MONITORING_PASSWORD]

EVERGREEN_MAX_CONCURRENT_REQUESTS = CONFIGURATION[process_limits.MAX_CONCURRENT_REQUESTS]
EVERGREEN_MAX_QUEUED_REQUESTS = CONFIGURATION[process_limits.MAX_QUEUED_REQUESTS]
EVERGREEN_READ_SLOT_TIMEOUT_S = CONFIGURATION[process_limits.READ_SLOT_TIMEOUT_S]
EVERGREEN_WRITE_SLOT_TIMEOUT_S = CONFIGURATION[process_limits.WRITE_SLOT_TIMEOUT_S]
EVERGREEN_OVERLOAD_TIMEOUT_S = CONFIGURATION[process_limits.OVERLOAD_TIMEOUT_S]
EVERGREEN_WRITE_DEADLINE_S = CONFIGURATION[process_limits.WRITE_DEADLINE_S]
EVERGREEN_MAX_WAITING_WRITES = CONFIGURATION[process_limits.MAX_WAITING_WRITES]
EVERGREEN_WAIT_MS = CONFIGURATION[process_limits.WAIT_MS]
EVERGREEN_READ_TIMEOUT_MS = CONFIGURATION[process_limits.READ_TIMEOUT_MS]
EVERGREEN_MAX_CONCURRENT_HASHES = CONFIGURATION[process_limits.MAX_CONCURRENT_HASHES]
EVERGREEN_MAX_QUEUED_HASHES = CONFIGURATION[process_limits.MAX_QUEUED_HASHES]

EVERGREEN_UNLIMITED_NETWORKS = CONFIGURATION[rate_limits.EXEMPT_NETWORKS]
EVERGREEN_UNLIMITED_API_KEYS = frozenset({*CONFIGURATION[rate_limits.EXEMPT_API_KEYS]})
EVERGREEN_CALLER_READS = CONFIGURATION[rate_limits.CALLER_READS]
EVERGREEN_CALLER_WRITES = CONFIGURATION[rate_limits.CALLER_WRITES]
EVERGREEN_NETWORK_SIGN_INS = CONFIGURATION[rate_limits.NETWORK_SIGN_INS]
EVERGREEN_ACCOUNT_SIGN_INS = CONFIGURATION[rate_limits.ACCOUNT_SIGN_INS]
EVERGREEN_ACCOUNT_NETWORK_SIGN_INS = CONFIGURATION[rate_limits.ACCOUNT_NETWORK_SIGN_INS]
EVERGREEN_NETWORK_REGISTRATIONS = CONFIGURATION[rate_limits.NETWORK_REGISTRATIONS]
EVERGREEN_NETWORK_GUESTS = CONFIGURATION[rate_limits.NETWORK_GUESTS]
EVERGREEN_MAX_OPEN_PURCHASES = CONFIGURATION[accounts.MAX_OPEN_PURCHASES]
EVERGREEN_PAY_WITHIN_S = CONFIGURATION[accounts.PAY_WITHIN_S]
EVERGREEN_UNPAID_PURCHASE_TTL_S = CONFIGURATION[accounts.UNPAID_PURCHASE_TTL_S]
EVERGREEN_PAYMENT_PROVIDERS = CONFIGURATION[payments.PAYMENT_PROVIDERS]
EVERGREEN_PAYMENT_CAPTURE = CONFIGURATION[payments.PAYMENT_CAPTURE]
EVERGREEN_SMTP = CONFIGURATION[accounts.SMTP]
EVERGREEN_SMTP_USER = CONFIGURATION[accounts.SMTP_USER]
EVERGREEN_SMTP_PASSWORD = CONFIGURATION[accounts.SMTP_PASSWORD]
EVERGREEN_SMTP_TLS = CONFIGURATION[accounts.SMTP_TLS]
EVERGREEN_MAIL_FROM = CONFIGURATION[accounts.MAIL_FROM]
EVERGREEN_PUBLIC_URL = CONFIGURATION[accounts.PUBLIC_URL]
EVERGREEN_MAIL_DIRECTORY = CONFIGURATION[accounts.MAIL_DIRECTORY]
EVERGREEN_WEBHOOK_NETWORKS = CONFIGURATION[accounts.WEBHOOK_NETWORKS]
EVERGREEN_STRIPE_KEY = CONFIGURATION[payments.STRIPE_KEY]
EVERGREEN_STRIPE_WEBHOOK_SECRET = CONFIGURATION[payments.STRIPE_WEBHOOK_SECRET]
EVERGREEN_STRIPE_API = CONFIGURATION[payments.STRIPE_API]
EVERGREEN_STRIPE_TIMEOUT_S = CONFIGURATION[payments.STRIPE_TIMEOUT_S]

EVERGREEN_BACKUP_RECIPIENTS = CONFIGURATION[backups.RECIPIENTS]
EVERGREEN_BACKUP_TARGET = CONFIGURATION[backups.TARGET]
EVERGREEN_BACKUP_MAX_AGE = CONFIGURATION[backups.MAX_AGE]
EVERGREEN_S3_ENDPOINT = CONFIGURATION[backups.S3_ENDPOINT]
EVERGREEN_S3_REGION = CONFIGURATION[backups.S3_REGION]
EVERGREEN_S3_ACCESS_KEY = CONFIGURATION[backups.S3_ACCESS_KEY]
EVERGREEN_S3_SECRET_KEY = CONFIGURATION[backups.S3_SECRET_KEY]
EVERGREEN_S3_CA_FILE = CONFIGURATION[backups.S3_CA_FILE]

# The mails about purchases, which the worker sends. Those of accounts go through shop/mailer.py.
_SMTP_HOST, _, _SMTP_PORT = EVERGREEN_SMTP.rpartition(":")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EVERGREEN_SMTP else 'filebased'}.EmailBackend"
EMAIL_HOST = _SMTP_HOST.strip("[]")
EMAIL_PORT = int(_SMTP_PORT or 25)
EMAIL_HOST_USER = EVERGREEN_SMTP_USER
EMAIL_HOST_PASSWORD = EVERGREEN_SMTP_PASSWORD
EMAIL_USE_TLS = EVERGREEN_SMTP_TLS
EMAIL_TIMEOUT = 10
EMAIL_FILE_PATH = EVERGREEN_MAIL_DIRECTORY
DEFAULT_FROM_EMAIL = EVERGREEN_MAIL_FROM or f"shop@{urlsplit(EVERGREEN_PUBLIC_URL).hostname or 'localhost'}"

CACHES = caches(
    EVERGREEN_STORE,
    REDIS_MASTER_NAME,
    REDIS_SENTINELS,
    Credentials.where_named(
        USER if CONFIGURATION[shop.CACHE_PASSWORD_FILE] else "",
        CONFIGURATION[shop.CACHE_PASSWORD_FILE],
        EVERGREEN_REDIS_CA_FILE,
    ),
)
DATABASES: dict[str, object] = {}
USE_TZ = True
USE_I18N = False
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

INSTALLED_APPS = [
    "django.contrib.staticfiles",
    "rest_framework",
    "corsheaders",
    "csp",
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
    "shop.api.middleware.RequestContextMiddleware",
    "shop.api.security.SecurityHeaders",
    # Closed, it is not there: an OPTIONS is then a method like any other.
    *(["corsheaders.middleware.CorsMiddleware"] if CORS_ALLOWED_ORIGINS else []),
    "shop.api.concurrency.LimitConcurrency",
    "shop.api.middleware.ObserveRequests",
    "shop.api.request_limits.LimitRequestSize",
    "shop.api.hosts.CheckHost",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "shop.api.cookies.SecureCookies",
    "shop.api.cookies.CsrfProtection",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "shop" / "api" / "templates", BASE_DIR / "shop" / "office" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": ["django.template.context_processors.request", "shop.api.site.visitor"],
        },
    }
]

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "shop" / "api" / "static", BASE_DIR / "shop" / "office" / "static"]
# Served from the packages themselves, so that no deployment depends on collectstatic.
WHITENOISE_USE_FINDERS = True
# What browsers ask for at the root.
WHITENOISE_ROOT = BASE_DIR / "shop" / "api" / "static_root"
WHITENOISE_MAX_AGE = 3600
DATA_UPLOAD_MAX_MEMORY_SIZE = limits.MAX_BODY_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = limits.MAX_FORM_FIELDS
# No form has a file input.
DATA_UPLOAD_MAX_NUMBER_FILES = 0
# SecurityMiddleware sets X-Content-Type-Options: nosniff and Cross-Origin-Opener-Policy: same-origin by default. nginx
# sends HSTS, which a plain HTTP deployment must not have.
SECURE_REFERRER_POLICY = "same-origin"
SILENCED_SYSTEM_CHECKS = [
    "security.W001",  # SecurityMiddleware: shop.api.security.SecurityHeaders adds its headers.
    "security.W003",  # CsrfViewMiddleware: shop.api.cookies.CsrfProtection is one.
    "security.W002",  # X-Frame-Options: the Content-Security-Policy has frame-ancestors 'none'.
    "security.W004",  # HSTS: nginx sends it, where it has a certificate.
    "security.W008",  # The redirect to HTTPS: nginx sends it, for the shop's own names.
    "security.W016",  # CSRF_COOKIE_SECURE: shop/api/cookies.py makes the cookie Secure wherever the request is HTTPS.
]
# All content is from this server, pages are not framed, and no page has inline code.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}
# shop/api/cookies.py makes cookies Secure, and names them __Host-..., where the client came by HTTPS.
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "shop.api.errors.csrf_failure"

# A page of another origin sends its bearer token itself. The cookies are for the shop's own pages.
CORS_ALLOW_CREDENTIALS = False
CORS_URLS_REGEX = r"^/api/v1/"
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "x-cart-token",
]
CORS_EXPOSE_HEADERS = ["ETag", "Idempotent-Replayed", "Location", "RateLimit", "RateLimit-Policy"]
CORS_EXPOSE_HEADERS += ["Retry-After", "X-Request-ID"]
CORS_PREFLIGHT_MAX_AGE = 3600

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
    "EXCEPTION_HANDLER": "shop.api.errors.handle_exception",
    "VIEW_DESCRIPTION_FUNCTION": "shop.api.descriptions.view_description",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Evergreen Stores",
    "DESCRIPTION": introduction.DESCRIPTION,
    "CONTACT": dict(introduction.CONTACT),
    "SERVERS": [dict(server) for server in introduction.SERVERS],
    "TAGS": [dict(tag) for tag in introduction.TAGS],
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
    # ObserveRequests logs each failed request; Django's loggers add the traceback alone.
    "filters": {"raised": {"()": "evergreen.logs.Raised"}},
    "handlers": {
        "stderr": {"class": "evergreen.logs.LineHandler", "formatter": "json"},
        "tracebacks": {"class": "evergreen.logs.LineHandler", "formatter": "json", "filters": ["raised"]},
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        "django.request": {"handlers": ["tracebacks"], "level": "ERROR", "propagate": False},
        "django.security": {"level": "CRITICAL"},
    },
}
