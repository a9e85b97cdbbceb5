"""What people send when they pick and confirm."""

from uuid import UUID

import pytest
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from dashboard.forms.enrollment import Malformed, PickForm, parse_ids

ONE, TWO, THREE = (str(UUID(int=number)) for number in (1, 2, 3))


def sent(**values: list[str]) -> PickForm:
    data = QueryDict(mutable=True)
    data.update(MultiValueDict(values))
    form = PickForm(data)
    assert form.is_valid()
    return form


@pytest.mark.parametrize(
    "separator", [" ", "\n", "\r\n", ",", ", ", ";", "\t", "|", '","', "\u00a0", "\ufeff", "</td><td>"]
)
def test_any_separator_will_do(separator: str) -> None:
    ids = parse_ids([separator.join([ONE, TWO, THREE])])

    assert {ONE, TWO, THREE} <= set(ids.counts)


@pytest.mark.parametrize("text", [ONE.upper(), ONE.replace("-", ""), f"{{{ONE}}}", f'"{ONE}"'])
def test_an_id_is_read_in_every_usual_form(text: str) -> None:
    assert list(parse_ids([text]).counts) == [ONE]


@pytest.mark.parametrize("size", [0, 1, 100, 101, 250])
def test_ids_keep_their_number_and_order(size: int) -> None:
    given = [str(UUID(int=number)) for number in range(size)]

    assert list(parse_ids([" ".join(given)]).counts) == given


def test_malformed_entries_are_named_with_line_and_place() -> None:
    ids = parse_ids([f"{ONE}\n{TWO} oops\n\nalas"])

    assert ids.malformed == (Malformed(2, 2, "oops"), Malformed(4, 1, "alas"))
    assert list(ids.counts) == [ONE, TWO]


def test_repeated_ids_are_counted() -> None:
    assert parse_ids([f"{ONE} {ONE.upper()}", ONE]).counts == {ONE: 3}


def test_too_many_ids_are_refused_whole() -> None:
    data = QueryDict(mutable=True)
    data["account_ids"] = " ".join(str(UUID(int=number)) for number in range(100_001))

    form = PickForm(data)

    assert not form.is_valid()
    assert "more than 100,000 ids" in str(form.errors["account_ids"])


def test_a_plain_post_of_ids_goes_to_the_review() -> None:
    form = sent(account_ids=[ONE, f"{TWO} {THREE}"])

    assert form.next == PickForm.Next.REVIEW
    assert set(form.add) == {ONE, TWO, THREE}
    assert form.remove == []


def test_a_button_that_turns_the_page_stays() -> None:
    assert sent(page=["2"]).next == PickForm.Next.STAY


def test_a_box_without_its_tick_is_taken_out() -> None:
    form = sent(account_ids=[ONE], shown=[f"{ONE} {TWO}"], before=[TWO])

    assert (set(form.add), form.remove) == ({ONE}, [TWO])


def test_an_older_tab_undoes_nothing() -> None:
    form = sent(account_ids=[ONE, TWO], shown=[f"{ONE} {TWO} {THREE}"], before=[ONE])

    assert (set(form.add), form.remove) == ({TWO}, [])


@pytest.mark.parametrize(("then", "add", "remove"), [("all", {THREE}, []), ("none", set(), [ONE, TWO])])
def test_a_page_is_taken_or_left_as_a_whole(then: str, add: set[str], remove: list[str]) -> None:
    form = sent(account_ids=[ONE, TWO], shown=[f"{ONE} {TWO} {THREE}"], before=[f"{ONE} {TWO}"], then=[then])

    assert (set(form.add), form.remove) == (add, remove)


def test_a_single_tick_leaves_the_pasted_text_alone() -> None:
    form = sent(
        account_ids=[ONE, f"half a paste {THREE}"], shown=[f"{ONE} {TWO}"], before=[TWO], then=["tick"]
    )

    assert (set(form.add), form.remove) == ({ONE}, [TWO])


def test_what_was_pasted_is_shown_again_without_the_ticked_ids() -> None:
    form = sent(account_ids=[ONE, "oops"])

    form.accepts(selected=1)

    assert ">\noops</textarea>" in str(form["account_ids"])
