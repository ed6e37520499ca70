"""The settings of plain DRF: what a new project has, without what needs a database."""

import os

SECRET_KEY = "only measured"
ALLOWED_HOSTS = ["*"]
DEBUG = False
DATABASES: dict[str, object] = {}
USE_TZ = True
ROOT_URLCONF = "benchmarks.peers.plain_drf.urls"
INSTALLED_APPS = ["rest_framework"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None}
REDIS_HOST = os.environ.get("PEER_REDIS_HOST", "127.0.0.1")
REDIS_PORT = int(os.environ.get("PEER_REDIS_PORT", "6379"))
