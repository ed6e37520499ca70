"""What gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "evergreen.settings")

_django = get_wsgi_application()

from django.conf import settings  # noqa: E402  settings exist from here on

from shop.api.direct_reads import DirectReads  # noqa: E402

settings.CONFIGURATION.require()
application = DirectReads(_django)
