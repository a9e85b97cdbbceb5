"""Light, dark, or as the system has it."""

import pytest
from django.test import Client as Browser

from dashboard.views.scheme import next_scheme


def test_the_switch_goes_round() -> None:
    assert [next_scheme(scheme) for scheme in ("auto", "light", "dark")] == ["light", "dark", "auto"]


@pytest.mark.django_db
def test_the_chosen_scheme_is_kept_and_shown_without_signing_in(client: Browser) -> None:
    response = client.post("/scheme/", {"scheme": "dark", "next": "/sign-in/?next=/runs/"})

    assert response["Location"] == "/sign-in/?next=/runs/"
    assert '<html lang="en-US" data-scheme="dark">' in client.get("/sign-in/").text


@pytest.mark.django_db
def test_an_unknown_scheme_means_the_system_s_own(client: Browser) -> None:
    client.post("/scheme/", {"scheme": "'><script>"})

    assert 'data-scheme="auto"' in client.get("/sign-in/").text


@pytest.mark.django_db
def test_the_switch_never_leads_to_another_site(client: Browser) -> None:
    assert client.post("/scheme/", {"scheme": "dark", "next": "//evil.example/"})["Location"] == "/"
