"""The WSGI application, for gunicorn."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018 - imports what all pages need
gc.freeze()  # which is here for good: to go through it all again takes as long as some pages, in the midst of one
