"""Every bad input ends with exit code 2, one message that says what and where, and nothing half-written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthdata.cli import main


@pytest.fixture
def command(monkeypatch, capsys, tmp_path):
    """Runs the command line in an empty folder; gives exit code and what was said on the error stream."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYNTHDATA_DEBUG", raising=False)

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["synthdata", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        code = stopped.value.code
        return (0 if code is None else int(code)), capsys.readouterr().err

    return call


def people(n: int = 60) -> pd.DataFrame:
    generator = np.random.default_rng(1)
    return pd.DataFrame({"age": generator.integers(18, 90, n), "sex": generator.choice(["F", "M"], n)})


def refused(result: tuple[int, str], *words: str) -> str:
    code, message = result
    assert code == 2, message
    assert "Traceback" not in message
    assert "unexpected" not in message, message
    for word in words:
        assert word in message, message
    return message


def nothing_written(folder: Path, *given: str) -> None:
    assert sorted(path.name for path in folder.iterdir()) == sorted(given)


def test_missing_file(command, tmp_path):
    refused(command("run", "nowhere.csv"), "nowhere.csv")
    nothing_written(tmp_path)


def test_near_name_of_a_missing_file_or_nothing_like_it(command, tmp_path):
    people().to_csv("people.csv", index=False)
    refused(command("run", "peple.csv"), "peple.csv")
    nothing_written(tmp_path, "people.csv")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ("empty",)),
        (b"age,sex\n", ("header",)),
        (b"age,sex\n" + b"1,F\n" * 30 + b"2,M,extra\n" + b"3,F\n" * 10, ("32",)),
        (bytes(range(256)) * 40, ()),
        (b"age,age\n" + b"1,2\n" * 30, ("age",)),
        (b"age,sex\n" + b"1,F\n" * 5, ("5", "20")),
    ],
    ids=["empty", "header only", "ragged", "binary junk", "duplicate column", "too few rows"],
)
def test_broken_csv(command, tmp_path, content, words):
    (tmp_path / "people.csv").write_bytes(content)
    refused(command("run", "people.csv", "--out", "result"), *words)
    nothing_written(tmp_path, "people.csv")


def test_wrong_encoding_names_the_file(command, tmp_path):
    good = "".join(f"{age},é\n" for age in range(30)).encode()
    (tmp_path / "people.csv").write_bytes(b"age,sex\n" + good + b"1,\xff\xfe\x81\n" + good)
    code, message = command("run", "people.csv", "--out", "result", "--model", "independent")
    assert code in (0, 1) or (code == 2 and "people.csv" in message), message


def test_mistyped_model(command, tmp_path):
    people().to_csv("people.csv", index=False)
    refused(command("run", "people.csv", "--model", "tress"), "tress", "Did you mean 'trees'")
    nothing_written(tmp_path, "people.csv")


def test_mistyped_parameter(command, tmp_path):
    people().to_csv("people.csv", index=False)
    refused(
        command("run", "people.csv", "--model", "gmm", "--param", "max_component=3"), "max_component", "Did you mean"
    )
    refused(command("run", "people.csv", "--model", "gmm", "--param", "max_components"), "KEY=VALUE")
    refused(command("run", "people.csv", "--model", "gmm", "--param", "max_components=many"), "many")
    nothing_written(tmp_path, "people.csv")


def test_mistyped_target_and_schema_column(command, tmp_path):
    people().to_csv("people.csv", index=False)
    refused(command("run", "people.csv", "--target", "sexx"), "sexx", "Did you mean 'sex'")
    Path("schema.json").write_text(json.dumps({"columns": [{"name": "agee", "kind": "numerical"}]}))
    refused(command("run", "people.csv", "--schema", "schema.json"), "schema.json", "agee", "Did you mean 'age'")
    nothing_written(tmp_path, "people.csv", "schema.json")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ("schema.json", "line 1")),
        ('{"columns": [{"name": "age", "kind": "numeric"}]}', ("age", "numerical")),
        ('{"columns": [{"name": "age", "knid": "numerical"}]}', ("age", "knid", "kind")),
        ('{"columns": [{"name": "sex", "kind": "numerical"}]}', ("sex", "row")),
        ('{"columns": [{"name": "sex", "kind": "datetime"}]}', ("sex", "row")),
        ('{"version": 9, "columns": []}', ("version",)),
    ],
)
def test_schema_that_is_wrong_or_contradicts_the_data(command, tmp_path, text, words):
    people().to_csv("people.csv", index=False)
    Path("schema.json").write_text(text)
    refused(command("run", "people.csv", "--schema", "schema.json", "--out", "result"), *words)
    nothing_written(tmp_path, "people.csv", "schema.json")


def test_a_query_that_fails_and_a_table_that_is_not_there(command, tmp_path):
    pytest.importorskip("sqlalchemy", reason="needs the extra sql")
    import sqlite3

    with sqlite3.connect("people.db") as database:
        people().to_sql("people", database, index=False)
    refused(command("run", "sqlite:///people.db", "--query", "select nothing from nowhere"), "query")
    refused(command("run", "sqlite:///people.db", "--table", "peple"), "Did you mean 'people'")
    refused(command("run", "sqlite:///people.db"), "people")
    nothing_written(tmp_path, "people.db")


def test_a_server_that_is_down_and_its_password(command, tmp_path):
    pytest.importorskip("psycopg", reason="needs the extra sql")
    message = refused(
        command("run", "postgresql://anna:s3cr3t-w0rd@127.0.0.1:9/clinic", "--table", "people"), "127.0.0.1"
    )
    assert "s3cr3t-w0rd" not in message
    nothing_written(tmp_path)


def test_free_text_is_refused_with_advice_or_dropped(command, tmp_path):
    generator = np.random.default_rng(2)
    story = "the patient came back after a long walk and was told to rest more often than before"
    words = np.array(story.split())
    table = people().assign(remarks=[" ".join(generator.choice(words, 14)) + f" {i}" for i in range(60)])
    table.to_csv("people.csv", index=False)
    refused(command("run", "people.csv", "--out", "result"), "remarks", "--drop-text")
    nothing_written(tmp_path, "people.csv")
    code, message = command("fit", "people.csv", "--model", "independent", "--drop-text", "--save", "model")
    assert code == 0, message


def test_wrong_numbers(command, tmp_path):
    people().to_csv("people.csv", index=False)
    refused(command("run", "people.csv", "--holdout", "1.5"), "holdout")
    refused(command("run", "people.csv", "--rows", "0"), "rows")
    refused(command("run", "people.csv", "--model", "boosted", "--epsilon", "1"), "private")
    nothing_written(tmp_path, "people.csv")


def test_policy_that_is_wrong(command, tmp_path):
    people().to_csv("people.csv", index=False)
    Path("policy.yaml").write_text("version: 1\nrules: [{metric: fidelity.shap, max: 0.02, level: fail}]\n")
    refused(command("run", "people.csv", "--policy", "policy.yaml"), "fidelity.shap", "Did you mean")
    refused(command("run", "people.csv", "--policy", "none.yaml"), "none.yaml")
    nothing_written(tmp_path, "people.csv", "policy.yaml")


def test_a_folder_that_is_taken_is_left_alone(command, tmp_path):
    people().to_csv("people.csv", index=False)
    Path("result").mkdir()
    Path("result/mine.txt").write_text("keep me")
    refused(command("run", "people.csv", "--out", "result"), "result")
    refused(command("run", "people.csv", "--out", "result", "--overwrite"), "result")
    assert Path("result/mine.txt").read_text() == "keep me"


def test_models_that_cannot_be_loaded(command, tmp_path):
    refused(command("sample", "nowhere", "-o", "rows.csv"), "nowhere")
    Path("model").mkdir()
    Path("model/manifest.json").write_text("{}")
    refused(command("sample", "model", "-o", "rows.csv"), "model")
    nothing_written(tmp_path, "model")


def test_conditions_that_cannot_be_met_or_read(command, tmp_path):
    people().to_csv("people.csv", index=False)
    code, message = command("fit", "people.csv", "--model", "gmm", "--save", "model", "--seed", "1")
    assert code == 0, message
    refused(command("sample", "model", "--given", "agee>3", "-o", "rows.csv"), "agee", "Did you mean 'age'")
    refused(command("sample", "model", "--given", "sex>3", "-o", "rows.csv"), "sex")
    refused(command("sample", "model", "--given", "age>1000", "-o", "rows.csv"), "age>1000")
    refused(command("sample", "model", "-o", "rows.xyz"), "rows.xyz")
    nothing_written(tmp_path, "people.csv", "model")


def test_evaluate_with_columns_missing_or_empty(command, tmp_path):
    people().to_csv("real.csv", index=False)
    people().rename(columns={"age": "agee"}).to_csv("renamed.csv", index=False)
    people().assign(age="old").to_csv("retyped.csv", index=False)
    Path("empty.csv").write_text("age,sex\n")
    refused(command("evaluate", "--real", "real.csv", "--synthetic", "renamed.csv", "-o", "result"), "age", "agee")
    refused(command("evaluate", "--real", "real.csv", "--synthetic", "retyped.csv", "-o", "result"), "age")
    refused(command("evaluate", "--real", "real.csv", "--synthetic", "empty.csv", "-o", "result"), "empty.csv")
    assert not Path("result").exists()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can mount a tiny disk")
def test_a_disk_that_fills_up(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("this machine does not allow mounting a tiny disk")
    try:
        people(3000).to_csv(tmp_path / "people.csv", index=False)
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "synthdata",
                "run",
                str(tmp_path / "people.csv"),
                "--model",
                "independent",
                "-o",
                str(disk / "run"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 2, done.stderr
        assert "disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(disk.rglob("*partial*"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
