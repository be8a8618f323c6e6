"""A run or a fit that was stopped goes on from where it was, and only as the same one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthdata
from synthdata.errors import Cancelled, PrivacyError, SynthdataError
from synthdata.models import neural
from synthdata.pipeline import fit
from synthdata.progress import Event, Progress
from synthdata.runs.store import RunFolder

pytest.importorskip("torch")

SETTINGS = ["epochs=6", "width=8", "device=cpu"]


@pytest.fixture(autouse=True)
def _saved_at_every_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neural, "_SAVE_EVERY", 0.0)


def table(rows: int = 300) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    x = generator.normal(size=rows).round(2)
    return pd.DataFrame({"x": x, "y": (x + generator.normal(size=rows)).round(2), "z": np.where(x > 0, "a", "b")})


def stopped(after: float) -> Progress:
    """Progress of which somebody cancels the fit once so much of it is done."""
    progress = Progress()

    def watch(event: Event) -> None:
        if event.stage == "fit" and (event.fraction or 0) >= after:
            progress.cancel()

    progress.observers.append(watch)
    return progress


def checks(folder: Path) -> int:
    return sum(bool(event["figures"]) for event in RunFolder(folder).events() if event["stage"] == "fit")


def test_a_stopped_run_goes_on_and_ends_like_one_that_was_not(tmp_path: Path) -> None:
    whole = synthdata.run(table(), "autoregressive", out=tmp_path / "whole", seed=3, settings=SETTINGS)
    place = tmp_path / "stopped"
    with pytest.raises(Cancelled):
        synthdata.run(
            table(), "autoregressive", out=place, seed=3, settings=SETTINGS, progress=stopped(0.6)
        )
    seen = checks(place)
    assert sorted(path.name for path in (place / "unfinished").iterdir()) == ["training"]
    # The seed is that of the stopped run, without being told.
    done = synthdata.run(table(), "autoregressive", out=place, settings=SETTINGS, resume=True)
    pd.testing.assert_frame_equal(done.synthetic, whole.synthetic)
    assert not (place / "unfinished").exists()
    assert RunFolder(place).info().status == "done"
    # Not all was done again.
    assert 0 < checks(place) - seen < checks(tmp_path / "whole") - 1


def test_a_stopped_fit_goes_on(tmp_path: Path) -> None:
    whole = fit(table(), "autoregressive", save=tmp_path / "whole", seed=4, settings=SETTINGS)
    save = tmp_path / "model"
    with pytest.raises(Cancelled, match="--resume"):
        fit(table(), "autoregressive", save=save, seed=4, settings=SETTINGS, progress=stopped(0.5))
    assert (tmp_path / ".model.unfinished" / "unfinished" / "training").is_dir()
    done = fit(table(), "autoregressive", save=save, settings=SETTINGS, resume=True)
    pd.testing.assert_frame_equal(done.sample(50, seed=0), whole.sample(50, seed=0))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "whole"]


def test_what_leaves_nothing_to_go_on_from_promises_nothing(tmp_path: Path) -> None:
    with pytest.raises(Cancelled) as caught:
        fit(table(), "boosted", save=tmp_path / "model", progress=stopped(0.0))
    assert not caught.value.advice


def test_auto_goes_on_as_well(tmp_path: Path) -> None:
    place, big = tmp_path / "run", table(1300)
    with pytest.raises(Cancelled):
        synthdata.run(big, "auto", out=place, seed=3, progress=stopped(0.2))
    assert (place / "unfinished" / "training").is_dir()


def test_what_is_another_run_is_refused_or_replaced(tmp_path: Path) -> None:
    place = tmp_path / "run"
    with pytest.raises(Cancelled):
        synthdata.run(table(), "autoregressive", out=place, seed=3, settings=SETTINGS, progress=stopped(0.6))
    with pytest.raises(SynthdataError, match="another model, another parameters"):
        synthdata.run(table(), "independent", out=place, resume=True)
    with pytest.raises(SynthdataError, match="another fingerprint"):
        synthdata.run(table(280), "autoregressive", out=place, settings=SETTINGS, resume=True)
    with pytest.raises(SynthdataError, match="--resume to go on"):
        synthdata.run(table(), "independent", out=place)
    synthdata.run(table(), "independent", out=place, resume=True, overwrite=True)
    with pytest.raises(SynthdataError, match="nothing to go on with"):
        synthdata.run(table(), "independent", out=place, resume=True)


def test_a_damaged_run_is_refused_and_may_be_replaced(tmp_path: Path) -> None:
    place = tmp_path / "run"
    place.mkdir()
    (place / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(SynthdataError, match="damaged"):
        RunFolder.create(place, {"model": "independent"}, resume=True)
    RunFolder.create(place, {"model": "independent"}, resume=True, overwrite=True)
    assert RunFolder(place).record()["model"] == "independent"


def test_a_private_fit_is_not_resumed(tmp_path: Path) -> None:
    with pytest.raises(PrivacyError, match="cannot be resumed"):
        synthdata.run(table(), "independent", out=tmp_path / "run", resume=True, privacy=1.0)
    with pytest.raises(SynthdataError, match="which run"):
        synthdata.run(table(), "independent", resume=True)
