"""What a report shows of the model: told by parameters and synthetic rows, drawn without markup from the table."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from unit.reporting.sample_report import sample_facts

import synthdata
from synthdata.progress import LONGER
from synthdata.random import SeedTree
from synthdata.reporting import plots
from synthdata.reporting.html import render, render_part
from synthdata.reporting.model_facts import POINTS, curves, latent_map, marks, model_facts
from synthdata.reporting.palette import Theme, colours
from synthdata.reporting.report import Report
from synthdata.table.infer import infer
from synthdata.table.table import Table


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    generator = np.random.default_rng(0)
    group = generator.choice(["a", "b"], 300)
    return pd.DataFrame(
        {"group": group, "x": generator.normal(0, 1, 300) + 6 * (group == "b"), "free": generator.random(300)}
    )


def test_a_run_keeps_the_graph_and_its_share_edition_does_not(frame: pd.DataFrame, tmp_path: Path) -> None:
    run = synthdata.run(frame, "bayesnet", out=tmp_path / "run", seed=1, share=True)
    graph = run.report.facts["model"]["graph"]
    assert sorted(graph["nodes"]) == ["free", "group", "x"]
    assert {frozenset(edge) for edge in graph["edges"]} >= {frozenset(("group", "x"))}
    assert run.report.facts["fidelity_details"]["landscape"]["train"]
    written = Report.load(tmp_path / "run" / "report.json").facts
    assert "model" not in written
    assert "fidelity_details" not in written
    assert 'class="landscape"' not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def test_components_are_told_by_what_sets_their_rows_apart(frame: pd.DataFrame) -> None:
    model = synthdata.make_model("gmm", max_components=4).fit(frame, seed=1)
    drawn = Table.of(model.sample(400, seed=2), model.schema_)
    found = model_facts(model, drawn, [], SeedTree(0))["components"]
    assert found["count"] == len(model.mixture_.weights)  # type: ignore[attr-defined]
    first = found["largest"][0]["marks"]
    assert {first[0]["column"], first[1]["column"]} == {"group", "x"}
    shares = model.memberships(drawn)  # type: ignore[attr-defined]
    assert shares.sum(axis=1) == pytest.approx(1)


def test_marks_are_the_columns_that_differ_most() -> None:
    table = pd.DataFrame({"n": [1.0, 2, 9, 10], "c": ["x", "x", "y", "y"], "same": ["q"] * 4, "gap": [None] * 4})
    found = marks(table, np.array([True, True, False, False]))
    assert [each["column"] for each in found[:2]] == ["c", "n"]
    assert found[0]["here"] == "x (100%)"
    assert found[0]["all"] == "50.0%"
    assert marks(table, np.array([True, False, False, False])) == []


def test_latent_places_are_those_of_the_widest_plane(frame: pd.DataFrame) -> None:
    table = Table.of(frame, infer(frame).schema)
    places = np.zeros((300, 5))
    places[:, 3] = (frame["group"] == "b") * 10.0
    places[:, 1] = np.linspace(-1, 1, 300)
    found = latent_map(places, table)
    assert (found["dimensions"], found["column"], found["explained"]) == (5, "group", pytest.approx(1))
    across = np.array([point[0] for point in found["points"]])
    codes = np.array([point[2] for point in found["points"]])
    assert len(set(np.sign(across[codes == 0]))) == len(set(np.sign(across[codes == 1]))) == 1
    assert latent_map(places[:, 3:4], table)["explained"] == pytest.approx(1)


def test_curves_are_thinned_and_keep_their_ends() -> None:
    events = [{"stage": "fit", "fraction": n / 999, "figures": {"loss": float(n)}} for n in range(1000)]
    found = curves([*events, {"stage": "fit", "fraction": 1.0, "figures": {"loss": float("nan")}}])["loss"]
    assert len(found) == POINTS
    assert (found[0], found[-1]) == ([0.0, 0.0], [1.0, 999.0])
    assert curves([{"stage": "sample", "fraction": 0.5, "figures": {"loss": 1.0}}]) == {}


def test_curves_of_training_that_went_on_for_longer_go_one_way() -> None:
    shares = [(0.25, 3.0), (0.5, 2.0)], [(0.375, 1.5), (1.0, 1.0)]
    before, after = ([{"stage": "fit", "fraction": s, "figures": {"loss": v}} for s, v in part] for part in shares)
    found = curves([*before, {"stage": "fit", "fraction": 0.25, "message": LONGER, "figures": {}}, *after])["loss"]
    assert found == [[0.125, 3.0], [0.25, 2.0], [0.375, 1.5], [1.0, 1.0]]


def test_the_report_draws_all_of_it_and_escapes_names() -> None:
    page = render(Report(sample_facts()))
    for part in (
        "Whole rows on one map",
        "How training went",
        "The latent space",
        "What looks at what",
        "groups of rows",
    ):
        assert part in page
    assert "<b>yes</b>" not in page
    assert "<b>low</b>" not in page
    drawn = plots.graph({"nodes": ["<i>a</i>", "b"], "edges": [["<i>a</i>", "b"]]})
    assert "<i>" not in drawn
    assert "&lt;i&gt;a&lt;/i&gt; → b" in drawn


def test_sixty_columns_stay_within_the_drawing() -> None:
    nodes = [f"column {n}" for n in range(60)]
    drawn = plots.graph({"nodes": nodes, "edges": [["column 0", name] for name in nodes[1:]]})
    width = plots.BESIDE * (plots.BOX + plots.ACROSS)
    assert f'viewBox="-2 -2 {width - plots.ACROSS + 4:g}' in drawn


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_dashboard_gets_pictures_in_its_own_colours(theme: Theme) -> None:
    facts = sample_facts()
    for part, count in (("model", 3), ("together", 10)):
        shown = render_part(Report(facts), part, theme=theme)
        assert "<svg" not in shown
        found = re.findall(r'<img class="([\w -]+)" alt="([^"]*)"[^>]*base64,([^"]+)"', shown)
        assert len([classes for classes, *_ in found if not classes.endswith("key")]) == count
        for classes, told, content in found:
            drawing = ElementTree.fromstring(base64.b64decode(content))
            assert drawing.get("class") == classes
            style = "".join(drawing.itertext())
            assert colours(theme)["synthetic"] in style
            assert told or classes.endswith("key")
            assert f".{classes.split()[0]} {{" not in style
