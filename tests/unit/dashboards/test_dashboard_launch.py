"""Starting the dashboard: on this machine only, without telemetry, and a clear word where it cannot start."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from dashboards import launch as launching
from dashboards import uploads
from dashboards.launch import RUNS_VARIABLE, command, environment, launch
from synthdata.errors import MissingExtraError, SynthdataError


def test_it_listens_here_only_and_tells_nobody() -> None:
    settings = command(8123)
    for setting in (
        "--server.address=localhost",
        "--server.port=8123",
        "--server.headless=true",
        "--browser.gatherUsageStats=false",
        "--client.showErrorDetails=none",
    ):
        assert setting in settings


def test_the_runs_are_passed_on(tmp_path: Path) -> None:
    variables = environment(tmp_path)
    assert variables[RUNS_VARIABLE] == str(tmp_path)
    assert str(Path(launching.__file__).parents[1]) in variables["PYTHONPATH"]


@pytest.mark.parametrize("package", ["streamlit", "plotly"])
def test_a_missing_package_names_the_extra(package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(MissingExtraError, match=rf"{package}.*synthdata\[dashboard\]"):
        launch(tmp_path)


def test_a_file_is_no_folder_of_runs(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(SynthdataError, match="not a folder"):
        launch(tmp_path / "runs")


@pytest.mark.parametrize("port", [0, -1, 70_000])
def test_a_port_that_does_not_exist_is_refused(port: int, tmp_path: Path) -> None:
    with pytest.raises(SynthdataError, match="no port"):
        launch(tmp_path, port)


def test_a_taken_port_is_refused(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(SynthdataError, match=f"Port {port} is in use.*--port {port + 1}"):
            launch(tmp_path, port)


def test_a_server_that_fails_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "command", lambda port: ["false"])
    with pytest.raises(SynthdataError, match="ended with code 1"):
        launch(tmp_path, _free_port())


def test_uploads_that_are_too_old_go_when_the_server_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "command", lambda port: ["true"])
    folders = {name: tmp_path / uploads.FOLDER / name for name in ("old", "young")}
    for folder in folders.values():
        folder.mkdir(parents=True)
    week = time.time() - (uploads.DAYS + 0.1) * 86_400
    os.utime(folders["old"], (week, week))
    launch(tmp_path, _free_port())
    assert {name for name, folder in folders.items() if folder.exists()} == {"young"}


def test_uploads_that_grow_old_go_while_the_server_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "command", lambda port: ["sleep", "1000"])
    monkeypatch.setattr(launching, "SWEEP", 0.01)
    looks: list[Path] = []

    def sweep(runs: Path) -> None:
        looks.append(runs)
        if len(looks) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(uploads, "sweep", sweep)
    launch(tmp_path, _free_port())
    assert looks == [tmp_path] * 3


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
