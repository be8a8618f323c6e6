"""Work on all cores: results in order, and the filters of warnings as they were."""

from __future__ import annotations

import warnings

import pytest

from synthdata.validation.parallel import side_by_side


def test_results_come_in_the_order_of_the_items() -> None:
    assert side_by_side(lambda number: number**2, range(50)) == [number**2 for number in range(50)]


def test_threads_that_disturb_the_filters_of_warnings_leave_no_trace(capsys: pytest.CaptureFixture[str]) -> None:
    def fit(number: int) -> int:
        warnings.resetwarnings()  # what scikit-learn does in each step
        warnings.warn(
            "`sklearn.utils.parallel.delayed` should be used with `sklearn.utils.parallel.Parallel`", stacklevel=1
        )
        return number

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        before = list(warnings.filters)
        assert side_by_side(fit, range(4)) == [0, 1, 2, 3]
        assert warnings.filters == before
    assert capsys.readouterr().err == ""


def test_other_warnings_of_threads_come_out() -> None:
    with pytest.warns(RuntimeWarning, match="a number is too large"):
        side_by_side(lambda _: warnings.warn("a number is too large", RuntimeWarning, stacklevel=1), [1])
