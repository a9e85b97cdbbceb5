"""The two API clients of a process: an impatient one for pages, a patient one for workers."""

from functools import lru_cache

from django.conf import settings

from dashboard.api.client import Client


def for_pages() -> Client:
    """The client that people wait for."""
    return _client(settings.API_URL, settings.API_KEY.get_secret_value(), False)


def for_workers() -> Client:
    """The client that nobody waits for."""
    return _client(settings.API_URL, settings.API_KEY.get_secret_value(), True)


@lru_cache(maxsize=8)
def _client(url: str, key: str, patient: bool) -> Client:
    return Client.from_settings(patient=patient)
