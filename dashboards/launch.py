"""Starts the dashboard: a Streamlit server of its own process, on this machine only, with telemetry off."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from synthdata.errors import MissingExtraError, SynthdataError

RUNS_VARIABLE = "SYNTHDATA_RUNS"
#: seconds between two looks for uploads and notes that are too old
SWEEP = 3600


def launch(runs: str | Path, port: int = 8501) -> None:
    """Serve the dashboard over the run folders in ``runs`` until it is stopped with Ctrl-C.

    Raises:
        MissingExtraError: Streamlit or Plotly is not installed.
        SynthdataError: ``runs`` is a file, the port is taken, or the server ends with an error.
    """
    for package in ("streamlit", "plotly"):
        if find_spec(package) is None:
            raise MissingExtraError(package, "dashboard")
    folder = Path(runs).expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise SynthdataError(f"{runs} is a file, not a folder of runs.", "Pass the folder with --runs DIR.")
    if not 1 <= port <= 65_535:
        raise SynthdataError(f"There is no port {port}.", "Choose one between 1024 and 65535, such as --port 8501.")
    if _taken(port):
        raise SynthdataError(f"Port {port} is in use.", f"Choose another, such as --port {port + 1}.")
    sys.stdout.write(f"Dashboard on http://localhost:{port}  (Ctrl-C stops it)\n")
    sys.stdout.flush()
    # The server must not outlive this process, however that is ended.
    with _ended_by_interrupt():
        process = subprocess.Popen(command(port), env=environment(folder), stdout=subprocess.DEVNULL)  # noqa: S603
        try:
            code = _serve(process, folder)
        except KeyboardInterrupt:
            code = 0
        finally:
            _stop(process)
    if code not in (0, -2, -15):
        raise SynthdataError(f"The dashboard's server ended with code {code}.", "Its own message stands above.")


def command(port: int) -> list[str]:
    """How the server is started."""
    from dashboards.theme import options

    settings = {
        "server.address": "localhost",
        "server.port": str(port),
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "browser.serverAddress": "localhost",
        "client.toolbarMode": "minimal",
        # A traceback may quote a cell of a table.
        "client.showErrorDetails": "none",
        **options(),
    }
    app = Path(__file__).with_name("app.py")
    return [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(app),
        *(f"--{name}={value}" for name, value in settings.items()),
    ]


def environment(runs: Path) -> dict[str, str]:
    """The server's environment: where the runs are, and where this package is."""
    home = str(Path(__file__).resolve().parent.parent)
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, RUNS_VARIABLE: str(runs), "PYTHONPATH": os.pathsep.join(paths)}


def _serve(process: subprocess.Popen[bytes], runs: Path) -> int:
    """Wait for the server's end; what it keeps for some days only goes when it starts and every hour, pages or not."""
    from dashboards import starting, uploads

    while True:
        uploads.sweep(runs)
        starting.sweep(runs)
        try:
            return process.wait(timeout=SWEEP)
        except subprocess.TimeoutExpired:
            continue


def runs_folder() -> Path:
    """The folder of runs that this process serves."""
    return Path(os.environ.get(RUNS_VARIABLE, "runs"))


@contextmanager
def _ended_by_interrupt() -> Iterator[None]:
    """Take a request to terminate like Ctrl-C; outside of the main thread, where signals cannot be caught, as it is."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
