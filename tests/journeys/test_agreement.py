"""The verdicts against the answers of a small portfolio; `tests.bench.agreement` runs the large one."""

import pytest
from django.test import override_settings

from dashboard.sandbox.server import Sandbox
from tests.bench import agreement

pytestmark = pytest.mark.django_db


def test_every_rule_that_the_vendor_states_holds(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        Sandbox(port=0, seed=2, campaigns=12, accounts=300, customers=30) as sandbox,
        override_settings(API_URL=sandbox.url),
    ):
        scores = agreement.compare(sandbox)

    assert agreement.report(scores) == 0
    stated = [score for rule, score in scores.items() if rule.is_stated]
    assert sum(score.definite for score in stated) > 2000
    assert "Every stated rule holds." in capsys.readouterr().out
