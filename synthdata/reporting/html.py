"""The report as one self-contained HTML file: no fetch, no library, readable without JavaScript."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from synthdata.reporting import cross_tables, numbers, palette, plots, series, svg, words
from synthdata.reporting.attacks import attack_rows
from synthdata.reporting.auditing import attack_figures, finding
from synthdata.reporting.checks import passed
from synthdata.reporting.glossary import METRICS, WORDS, term
from synthdata.reporting.guarantee import guarantee
from synthdata.reporting.measures import INFORMATION, RATES, likeness_rows
from synthdata.reporting.pictures import as_pictures
from synthdata.reporting.report import ColumnFacts, Report
from synthdata.reporting.spending import spending

if TYPE_CHECKING:
    from jinja2 import Environment

# Bars of a card before the rest moves into its details.
BARS_SHOWN = 7
# Figures of a score beside its headline before the rest moves into a fold.
FIGURES_SHOWN = 5
# Names are written beside a heatmap up to this many columns; above, only hovering and the worst pairs name cells.
HEATMAP_NAMES = 26
# Pairs of columns that are drawn, the worst first; the dashboard draws them all.
PAIRS_DRAWN = 4
# Triples of columns that are drawn.
TRIPLES_DRAWN = 3

SECTIONS = (
    ("verdict", "Verdict"),
    ("scores", "Three scores"),
    ("columns", "Columns"),
    ("pairs", "Relations"),
    ("privacy", "Privacy"),
    ("usefulness", "Usefulness"),
    ("fairness", "Fairness"),
    ("checks", "Checks"),
    ("model", "Model"),
    ("provenance", "Provenance"),
    ("methods", "In words"),
    ("glossary", "Glossary"),
)
# What a section is called in the share edition.
SHARED = {"scores": "What was checked"}

KINDS = {
    "numerical": "number",
    "categorical": "category",
    "boolean": "yes / no",
    "datetime": "date",
    "timedelta": "duration",
    "id": "key",
    "text": "text",
}


def render(report: Report) -> str:
    """The whole page as text; write it to a file and open it from disk."""
    return _environment().get_template("report.html.j2").render(_context(report))


def render_template(name: str, **context: Any) -> str:
    """Another page in the look of the report, from a template of this package."""
    return _environment().get_template(name).render(context)


def render_part(report: Report | None, part: str, *, theme: palette.Theme = "light", **more: Any) -> str:
    """One part of the page as a fragment for the dashboard: a template's name, such as ``scores``.

    Columns are named in it, not linked, and drawings are pictures in the colours of ``theme``. `part_styles` goes with
    it.
    """
    context = _context(report) if report else {"report": None}
    inner = _environment().get_template(f"{part}.html.j2").render({**context, "link_columns": False, **more})
    sheets = (str(_asset(name)) for name in ("charts.css", "model.css"))
    return f'<div class="synthdata-view">{as_pictures(inner, sheets, theme) if "<svg" in inner else inner}</div>'


def part_styles(theme: palette.Theme) -> str:
    """The stylesheet of `render_part`, which touches nothing outside it."""
    properties = f"{palette.FONT_PROPERTIES} {palette.custom_properties(theme)}"
    rules = "\n".join(_asset(name) for name in ("report.css", "charts.css", "model.css", "card.css"))
    # Streamlit gives paragraphs and lists a size of their own, whatever they stand in.
    base = "font: 400 0.9375rem/1.55 var(--sans); color: var(--ink); p, ol, ul, dl { font-size: inherit; }"
    return f"<style>.synthdata-view {{ {properties} {base}\n{rules}\n}}</style>"


def _context(report: Report) -> dict[str, Any]:
    """Everything the templates need that is not a lookup in the facts."""
    return {
        "report": report,
        "facts": report.facts,
        "run": report.run,
        "sections": _sections(report),
        "link_columns": True,
        "opening": words.opening(report),
        "title": words.title(report),
        "worst": report.worst_columns(),
        "others": report.other_columns(),
        "positions": {column.name: column.position for column in report.columns()},
        "pairs": report.pairs,
        "samples": ["real"] * report.noised + ["synthetic"]
        if report.shared
        else [sample for sample in series.SAMPLES if sample != "holdout" or report.has_holdout],
        "privacy_details": report.facts["privacy"].get("details") or {},
        "utility": report.facts.get("utility_details") or {},
        "more_fidelity": report.facts.get("fidelity_details") or {},
        "further": (report.pairs.get("further") or {}).get("worst") or [],
        "fairness": (report.facts.get("fairness") or {}).get("details") or {},
        "giveaways": ((report.facts.get("detection") or {}).get("columns") or [])[:10],
        "metric_names": sorted(METRICS, key=lambda name: report.figure(name) is None),
        "dictionary": WORDS,
    }


def _sections(report: Report) -> list[tuple[str, str]]:
    """The page's sections by anchor and label."""
    if not report.shared:
        return list(SECTIONS)
    return [(key, SHARED.get(key, label)) for key, label in SECTIONS if key not in ("usefulness", "fairness", "model")]


def _matrices(pairs: dict[str, Any]) -> list[tuple[str, str, Any, float]]:
    """The heatmaps to draw: key, label, drawing, and the number with the full shade."""
    if not pairs.get("columns"):
        return []
    found = []
    for key, label in (("real", "Real"), ("synthetic", "Synthetic"), ("difference", "Synthetic − real")):
        matrix = pairs.get(key)
        if not matrix:
            continue
        largest = 1.0
        if key == "difference":
            cells = (abs(cell) for row in matrix for cell in row if cell is not None)
            largest = max(0.1, *cells)
        description = f"{label}: associations between {len(matrix)} columns"
        found.append((key, label, svg.heatmap(matrix, description, largest=largest), largest))
    return found


def _pair_data(pairs: dict[str, Any]) -> dict[str, Any] | None:
    """What hovering over a heatmap reads: names and both matrices below their diagonals, in hundredths."""
    if not pairs.get("real") or not pairs.get("synthetic"):
        return None

    def lower(matrix: list[list[float | None]]) -> list[list[int | None]]:
        return [
            [None if cell is None else round(cell * 100) for cell in row[: at + 1]] for at, row in enumerate(matrix)
        ]

    return {"names": pairs["columns"], "real": lower(pairs["real"]), "synthetic": lower(pairs["synthetic"])}


def summary_rows(column: ColumnFacts) -> list[tuple[str, str, str]]:
    """The numbers behind a card: what, real, synthetic."""
    summary = column.facts.get("summary") or {}
    real, synthetic = _flat(summary.get("real") or {}), _flat(summary.get("synthetic") or {})
    return [
        (name, real.get(name, numbers.UNKNOWN), synthetic.get(name, numbers.UNKNOWN))
        for name in dict.fromkeys([*real, *synthetic])
    ]


def _flat(summary: dict[str, Any]) -> dict[str, str]:
    """One side's summary, a text for each label; durations are told in days and hours."""
    lasting = summary.get("unit") == "seconds"

    def show(value: Any) -> str:
        return numbers.seconds(value) if lasting and isinstance(value, int | float) else numbers.plain(value)

    flat: dict[str, str] = {}
    for name, value in summary.items():
        if name == "quantiles":
            flat.update({f"{share}% lie below": show(part) for share, part in (value or {}).items()})
        elif name == "most_common_share":
            flat["its share"] = numbers.percent(value)
        elif name == "distinct":
            flat["distinct values"] = numbers.count(value)
        elif name != "unit":
            labels = {"std": "standard deviation", "most_common": "most common"}
            flat[labels.get(name, name)] = show(value)
    return flat


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("synthdata.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        percent=numbers.percent,
        count=numbers.count,
        plain=numbers.plain,
        seconds=numbers.seconds,
        moment=numbers.moment,
        listing=numbers.listing,
        score=numbers.score,
        capitalize_first=lambda text: text[:1].upper() + text[1:],
        kind=lambda kind: KINDS.get(kind, kind),
    )
    environment.globals.update(
        svg=svg,
        cross_of_pair=cross_tables.of_pair,
        cross_of_triple=cross_tables.of_triple,
        plots=plots,
        spending=spending,
        series=series,
        words=words,
        palette=palette,
        term=term,
        summary_rows=summary_rows,
        likeness_rows=likeness_rows,
        information_words=INFORMATION,
        rate_words=RATES,
        attack_rows=attack_rows,
        passed_checks=passed,
        guarantee=guarantee,
        audit_finding=finding,
        audit_figures=attack_figures,
        draw_matrices=_matrices,
        pair_data=_pair_data,
        plural=numbers.plural,
        asset=_asset,
        bars_shown=BARS_SHOWN,
        figures_shown=FIGURES_SHOWN,
        heatmap_names=HEATMAP_NAMES,
        pairs_drawn=PAIRS_DRAWN,
        triples_drawn=TRIPLES_DRAWN,
    )
    return environment


def _asset(name: str) -> Any:
    """A stylesheet or script of this package, inserted as it is."""
    from markupsafe import Markup

    # These files are part of the package; nothing of a report goes in.
    return Markup(resources.files("synthdata.reporting").joinpath("templates", name).read_text(encoding="utf-8"))  # noqa: S704
