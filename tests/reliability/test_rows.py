"""The table of faults is whole: each row has a test, each test's row exists, the file is what would be written."""

from tests.reliability import table


def test_every_row_has_a_test() -> None:
    tests = table.tests_by_row()

    assert [row for row in table.VENDOR | table.OURS if row not in tests] == []


def test_every_row_that_a_test_names_is_in_the_table() -> None:
    assert set(table.tests_by_row()) <= (table.VENDOR | table.OURS).keys()


def test_the_file_is_up_to_date() -> None:
    assert table.TABLE.read_text() == table.text(), "run: python -m tests.reliability.table"
