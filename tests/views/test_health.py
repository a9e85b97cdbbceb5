"""What machines ask."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from dashboard.models import Worker
from dashboard.services import workers


def test_the_web_process_answers_without_a_database() -> None:
    response = Client().get("/healthz")

    assert (response.status_code, response.content) == (200, b"ok\n")


@pytest.mark.django_db
def test_ready_with_a_living_worker() -> None:
    workers.register(name="host:1", threads=2)

    response = Client().get("/readyz")

    assert response.status_code == 200
    assert response.json()["database"] == "ok"
    assert response.json()["workers"][0]["heartbeat_age"] < 30
    assert "host:1" not in response.content.decode()


@pytest.mark.django_db
def test_not_ready_without_a_living_worker() -> None:
    workers.register(name="host:1", threads=2)
    Worker.objects.update(seen_at=timezone.now() - timedelta(hours=1))

    response = Client().get("/readyz")

    assert (response.status_code, response.json()["workers"]) == (503, [])


@pytest.mark.django_db
def test_not_ready_when_the_database_fails() -> None:
    with patch("dashboard.services.workers.alive", side_effect=OperationalError("password=secret")):
        response = Client().get("/readyz")

    assert (response.status_code, response.json()["database"]) == (503, "failed")
    assert "secret" not in response.content.decode()


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
@pytest.mark.django_db
def test_nothing_can_be_posted(path: str) -> None:
    assert Client().post(path).status_code == 405
