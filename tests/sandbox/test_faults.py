import pytest

from dashboard.sandbox.faults import Faults


@pytest.fixture
def faults() -> Faults:
    return Faults()


def met(faults: Faults, method: str = "POST", path: str = "/accounts/campaign/bulk") -> str | None:
    fault = faults.take(method, path)
    return fault and fault.name


def test_no_call_meets_a_fault_unless_one_waits(faults: Faults) -> None:
    assert met(faults) is None


def test_a_fault_is_met_once(faults: Faults) -> None:
    faults.queue("close")
    assert [met(faults), met(faults)] == ["close", None]


def test_a_fault_is_met_as_often_as_asked(faults: Faults) -> None:
    faults.queue("close", times=2)
    assert [met(faults) for _ in range(3)] == ["close", "close", None]


def test_a_fault_for_ever_is_met_until_cleared(faults: Faults) -> None:
    faults.queue("close", times=None)
    before = [met(faults) for _ in range(5)]
    faults.clear()
    assert (before, met(faults)) == (["close"] * 5, None)


def test_faults_are_met_in_the_order_they_were_queued(faults: Faults) -> None:
    faults.queue("close")
    faults.queue("reset")
    assert [met(faults), met(faults)] == ["close", "reset"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/accounts", "close"),
        ("GET", "/accounts/1", "close"),
        ("GET", "/campaigns", None),
        ("POST", "/accounts", None),
    ],
)
def test_a_fault_meets_its_method_and_path_only(
    faults: Faults, method: str, path: str, expected: str | None
) -> None:
    faults.queue("close", method="GET", path="/accounts")
    assert met(faults, method, path) == expected


def test_a_fault_may_be_for_any_method(faults: Faults) -> None:
    faults.queue("close", method="*", times=2)
    assert [met(faults, "GET"), met(faults, "POST")] == ["close", "close"]


def test_faults_of_lists_are_for_reads_by_themselves(faults: Faults) -> None:
    faults.queue("no_meta")
    assert [met(faults, "POST"), met(faults, "GET")] == [None, "no_meta"]


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("zonk", {}, "no fault is called 'zonk'"),
        ("close", {"seconds": 1}, "close has no option seconds"),
        ("close", {"times": 0}, "times must be"),
        ("close", {"times": "2"}, "times must be"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(
    faults: Faults, kind: str, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        faults.queue(kind, **options)  # type: ignore[arg-type]
    assert len(faults) == 0


@pytest.mark.parametrize(
    ("kind", "options", "happens"),
    [
        ("close", {}, False),
        ("close", {"process": True}, True),
        ("slow", {}, True),
        ("slow", {"process": False}, False),
        ("words", {"words": " Success "}, True),
        ("words", {"words": ["PENDING", "SKIPPED"]}, False),
    ],
)
def test_the_enrollment_happens_where_the_answer_says_so_unless_told(
    faults: Faults, kind: str, options: dict[str, object], happens: bool
) -> None:
    faults.queue(kind, **options)  # type: ignore[arg-type]
    fault = faults.take("POST", "")
    assert fault
    assert fault.process is happens
