"""What is sent after a review."""

import pytest

from dashboard.forms.review import ConfirmForm, MoveForm

ONE = "11111111-1111-4111-8111-111111111111"
WHOLE = {"token": ONE, "revision": "0", "mark": "active/early_stage"}


@pytest.mark.parametrize(
    "wrong", [{"token": ""}, {"token": "x"}, {"revision": ""}, {"revision": "-1"}, {"mark": ""}]
)
def test_a_confirmation_needs_all_its_marks(wrong: dict[str, str]) -> None:
    assert ConfirmForm(WHOLE).is_valid()
    assert not ConfirmForm(WHOLE | wrong).is_valid()


@pytest.mark.parametrize("typed", ["12345", "12,345", " 12345 "])
def test_a_number_is_typed_as_people_write_it(typed: str) -> None:
    form = ConfirmForm(WHOLE | {"typed": typed})

    assert form.is_valid()
    assert form.cleaned_data["typed"] == 12345


def test_moving_needs_a_campaign() -> None:
    form = MoveForm({"verdict": "past_due"})

    assert form.errors["campaign_id"] == ["Choose a campaign."]
