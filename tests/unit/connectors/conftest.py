"""A PostgreSQL of our own for the tests: made, started and thrown away, on a socket and a free port of this machine."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "s3cr3t-pa55"


def _programs() -> Path | None:
    found = shutil.which("initdb")
    candidates = [Path(found).parent] if found else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    candidates += [Path("/opt/homebrew/bin"), Path("/usr/local/bin")]
    return next((path for path in candidates if (path / "initdb").exists() and (path / "pg_ctl").exists()), None)


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root: the name of a user to run it as, None if we are none other."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of an empty database, password included; skipped where PostgreSQL's server is not installed."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL server programs (initdb, pg_ctl) found")
    user = _unprivileged()
    # Not pytest's own folder: that one only its owner may enter, and a socket's path must be short.
    folder = Path(tempfile.mkdtemp(prefix="synthdata-pg-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data, password = folder / "data", folder / "password"
        password.write_text(PASSWORD)
        password.chmod(0o644)
        port = _free_port()

        def run(*words: str) -> None:
            done = subprocess.run(words, user=user, cwd=folder, capture_output=True, text=True, timeout=120)
            assert done.returncode == 0, done.stdout + done.stderr

        encoding = ("-E", "UTF8", "--locale", "C", "--no-sync")
        run(
            str(programs / "initdb"), "-D", str(data), "-U", "steward", "-A", "scram-sha-256", f"--pwfile={password}",
            *encoding,
        )  # fmt: skip
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
        run(str(programs / "pg_ctl"), "-D", str(data), "-w", "-l", str(folder / "log"), "-o", settings, "start")
        try:
            yield f"postgresql://steward:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            run(str(programs / "pg_ctl"), "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
