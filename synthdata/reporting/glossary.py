"""What each metric is, what good looks like and what to do: written once, for HTML, dashboard and terminal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["percent", "score"]


@dataclass(frozen=True)
class Term:
    """A metric in plain words.

    ``question`` is what a reader wants to know; ``what``, ``good`` and ``action`` answer: what is it, what does good
    look like, what to do when it is not. ``unit`` says how its fraction is shown, ``digits`` how many a score gets.
    """

    label: str
    question: str
    what: str
    good: str
    action: str
    unit: Unit = "percent"
    digits: int = 2
    #: whether there is nothing to measure in many a good table, so that a missing figure is no shortfall
    optional: bool = False

    @property
    def tooltip(self) -> str:
        """The three answers in one text."""
        return f"{self.what} {self.good} {self.action}"


METRICS: dict[str, Term] = {
    "fidelity.shape": Term(
        "Shape error",
        "Does each column look like the real one?",
        "The distance between a column's real and synthetic distribution, averaged over columns: the largest gap "
        "between the "
        "cumulative curves for numbers and dates, half the summed gaps between shares for categories.",
        "Low is good. Two samples of real rows are never identical either; their distance is the mark to read it "
        "against.",
        "Open the worst columns and look where the curves part; a wrongly inferred kind of column is the commonest "
        "cause.",
    ),
    "fidelity.trend": Term(
        "Trend error",
        "Do columns move together as they really do?",
        "How far the relation between two columns is from the real one, averaged over all pairs: half the difference "
        "of the "
        "correlations for numbers, half the summed gaps between shares of the cross table for categories.",
        "Low is good, and no lower than for fresh real rows is to be expected.",
        "Look at the worst pairs; a model that treats columns independently keeps every shape and loses every pair.",
    ),
    "fidelity.detection": Term(
        "Detection score",
        "Can a strong classifier tell synthetic rows from real ones?",
        "Boosted trees are trained to tell real from synthetic rows. 1 means they can only guess, 0 that they always "
        "know.",
        "High is good. This is the strictest figure here, for it sees every column at once; fresh real rows score "
        "near 1.",
        "See what gives the rows away and mend those columns first.",
        "score",
    ),
    "fidelity.alpha_precision": Term(
        "α-precision",
        "Are synthetic rows plausible?",
        "The share of synthetic rows that lie where typical real rows lie.",
        "Near 1 is good.",
        "A low figure means rows that could not exist: look for broken rules between columns.",
        "score",
    ),
    "fidelity.beta_recall": Term(
        "β-recall",
        "Is the variety of real rows covered?",
        "The share of typical real rows that have a synthetic row nearby.",
        "About as high as for fresh real rows; much higher can mean memorising.",
        "A low figure means that kinds of rows are missing: look at rare categories.",
        "score",
    ),
    "fidelity.authenticity": Term(
        "Authenticity",
        "Are synthetic rows more than small changes of real ones?",
        "The share of synthetic rows that lie farther from their nearest training row than that row lies from its own "
        "nearest neighbour.",
        "About as high as for fresh real rows.",
        "Clearly below, rows are near copies: see the privacy part.",
        "score",
    ),
    "fidelity.three_way": Term(
        "Three-way error",
        "Do three columns together look as they really do?",
        "The share of rows that would have to change for the cross table of three columns to be the real one, averaged "
        "over up to 100 random triples; numbers in five bins, rare categories together.",
        "Low is good: about as low as for fresh real rows.",
        "If pairs are right and triples are not, the model knows columns two by two only: try another family.",
    ),
    "fidelity.sliced_wasserstein": Term(
        "Distance of whole rows",
        "Do whole rows lie where real rows lie?",
        "Rows are laid out as points and looked at from 50 random directions; how far the synthetic ones would have to "
        "be moved to lie as the real ones do, in percent of the real spread (sliced Wasserstein distance).",
        "Low is good: about as low as for fresh real rows.",
        "Look at the columns and pairs that are worst; the distance adds up what they show.",
    ),
    "fidelity.dependencies": Term(
        "Broken dependences",
        "Does what goes together for certain still go together?",
        "In the real table some columns are fixed by others, such as a country by its city. This is the share of "
        "synthetic rows in which such a column does not hold what goes with the others.",
        "Near 0, as for fresh real rows.",
        "State the dependence as a rule of the schema: then every synthetic row keeps it.",
        optional=True,
    ),
    "fidelity.rules": Term(
        "Broken rules",
        "Does every row keep the rules of the schema?",
        "The share of synthetic rows that break at least one rule that the schema states.",
        "0.",
        "See the checks for the rule that is broken; the table was changed after it was drawn, or made elsewhere.",
        optional=True,
    ),
    "utility.tstr": Term(
        "Predictive score",
        "Does a model trained on synthetic rows work on real ones?",
        "A classifier (or regressor) learns from synthetic rows only and is tested on real rows that no one has "
        "seen. "
        "The mark beside it is the same learner trained on real rows.",
        "As near as possible to what real training rows reach, and clearly above guessing.",
        "If it lags, the relation between the target and its best predictors is lost: see the worst pairs with the "
        "target.",
        "score",
        3,
    ),
    "utility.importance_agreement": Term(
        "Agreement on what matters",
        "Do models lean on the same columns?",
        "How much each column matters to a model trained on synthetic rows, and to one trained on real rows: by how "
        "much each gets worse on real rows when the column is shuffled. 1 means the same proportions. The mark beside "
        "it is how far two models of real rows agree.",
        "Near 1, or as high as for two models of real rows.",
        "If it is low, do not explain reality by a model of this table: see which columns swap places.",
        "score",
    ),
    "utility.all_targets": Term(
        "Any column as target",
        "Can other columns be learnt from it, too?",
        "Up to 12 columns are predicted in turn, by small models trained on synthetic rows and tested on real ones; "
        "the mean of how well, 0 for guessing and 1 for always right. The mark beside it is the same with real "
        "training rows.",
        "As near as possible to what real training rows reach.",
        "The list in the part on usefulness names the columns that lose most.",
        "score",
        3,
    ),
    "fairness.representation": Term(
        "Groups' shares",
        "Is every group as large as in reality?",
        "The largest difference between a group's share of the synthetic rows and its share of the real ones, over the "
        "protected columns and their intersections.",
        "About as low as for fresh real rows.",
        "A group that shrank is learnt less well: draw rows of it by condition, or try another model.",
    ),
    "fairness.outcome": Term(
        "Groups' outcomes",
        "Does every group get the outcome as often as in reality?",
        "The largest difference between a group's rate of the outcome in the synthetic table and in the real one.",
        "About as low as for fresh real rows.",
        "Do not compare groups by this table where the difference is large: see which groups are off.",
    ),
    "fairness.errors": Term(
        "Gap in error rates",
        "Does a model of this table treat groups less evenly?",
        "A model trained on synthetic rows is tested on real ones. This is the largest difference between two groups "
        "in how often it finds the outcome where it is (true positives) or claims it where it is not (false "
        "positives). The mark beside it is the same for a model trained on real rows.",
        "No larger than for a model trained on real rows.",
        "Clearly larger, the table would make decisions less fair than the real rows do: do not train on it unmended.",
    ),
    "privacy.dcr_share": Term(
        "Nearness to training rows",
        "Are synthetic rows drawn towards the rows the model was trained on?",
        "The share of synthetic rows whose closest real row is one that the model has seen, rather than one of an "
        "equally "
        "large set that it has not.",
        "About half: then the training rows are no closer than any other real rows.",
        "Clearly above half, the model leans on single rows: smooth more, train for a shorter time, or use more rows.",
    ),
    "privacy.copies": Term(
        "Exact copies",
        "Do synthetic rows repeat real ones?",
        "The share of synthetic rows that equal a training row in every column. Where rows have few distinct values "
        "some will "
        "coincide by chance, which is why the same share is counted for real rows the model never saw.",
        "No more than for the rows the model never saw.",
        "More than that means rows were memorised: do not share the table; choose a model that smooths, or a larger "
        "leaf.",
    ),
    "privacy.disturbed_copies": Term(
        "Disturbed copies",
        "How many disturbed copies would look like this?",
        "Record linkage looks for the one real row, if any, that a synthetic row may be a disturbed copy of, and "
        "whether that is a training row more often than chance has it. The surplus is given as the share of copies "
        "(numbers moved by a tenth of their standard deviation, one category in ten drawn again) that would give as "
        "much among fresh rows.",
        "0 is what fresh real rows get. It is a size and no finding: the verdict says whether it is more than chance.",
        "Fit a model that remembers less: larger leaves, fewer epochs, more rows, or differential privacy.",
    ),
    "privacy.membership": Term(
        "Membership inference",
        "Can someone tell that a person was in the training table?",
        "An attack guesses for each real row whether the model was trained on it.",
        "No better than guessing.",
        "If it succeeds, train with differential privacy.",
        "score",
    ),
    "privacy.recognised_rows": Term(
        "Rows the model gives away",
        "Could somebody who holds the model itself tell who was in the training table?",
        "The attack on the model's own loss: of what share of its training rows it would have to be certain, knowing "
        "nothing of the others, to find as many at one false alarm in a hundred.",
        "0. It is a size; whether it is more than chance is said beside it. It concerns the model file, not the table.",
        "Hand over the table and never the model, or fit one with differential privacy.",
        optional=True,
    ),
    "privacy.singling_out": Term(
        "Singling out",
        "Can someone write a description that fits exactly one real person?",
        "An attack builds such descriptions from the synthetic table and counts how often they hit.",
        "No more hits than without the synthetic table.",
        "Coarsen the columns that the successful descriptions use.",
    ),
    "privacy.linkability": Term(
        "Linkability",
        "Can two partial records of one person be joined through the synthetic table?",
        "An attack links two halves of real records by their nearest synthetic rows.",
        "No more links than for rows the model never saw.",
        "Coarsen or drop the columns that make rows unique.",
    ),
    "privacy.attribute_inference": Term(
        "Attribute inference",
        "Can a secret value be guessed from the others?",
        "An attack guesses one column of a real row from its nearest synthetic rows.",
        "No better for training rows than for rows the model never saw.",
        "Leave the sensitive column out, or train with differential privacy.",
    ),
    "privacy.k_map": Term(
        "Rows that point at few people",
        "How many real people share what others could know of a synthetic row?",
        "The share of synthetic rows that agree with one to four training rows in the columns by which people may be "
        "known.",
        "No more than for rows the model never saw; how many is acceptable depends on who sees the table.",
        "Coarsen the columns by which people are known: age in bands, regions instead of towns.",
    ),
}

DIMENSIONS: dict[str, tuple[str, str]] = {
    "fidelity": ("Fidelity", "How much the synthetic table resembles the real one."),
    "utility": ("Usefulness", "How well it replaces the real one in a task."),
    "privacy": ("Privacy", "How little it tells about the people in the real one."),
}

# The figure that stands for a dimension where there is room for only one.
HEADLINES: dict[str, str] = {"fidelity": "detection", "utility": "tstr", "privacy": "dcr_share"}

WORDS: dict[str, str] = {
    "Real": "The rows that the model was trained on.",
    "Holdout": "Real rows set aside before anything was learnt. They show how much two samples of the same reality "
    "differ, so they "
    "are the fair mark for every figure.",
    "Synthetic": "Rows that the model invented. None of them is meant to be a real person's row.",
    "Interval": "Where the figure would lie in 95 of 100 repetitions with other rows from the same source.",
    "Fresh real rows": "The same figure computed for the holdout as if it were the synthetic table.",
    "Policy": "The thresholds that turn figures into pass, warn or fail. They are a choice of the people who share "
    "the table.",
    "Power": "How large a leak would have to be for the test to notice it. No leak found is worth as much as the "
    "test is strong.",
    "Association": "How closely two columns go together: correlation for numbers (−1 to 1), strength without a sign "
    "for categories.",
    "Differential privacy": "A mathematical bound on what anyone can learn about one person, whatever else they "
    "know. Tests "
    "can find a leak; only this can exclude one.",
}


def term(metric: str) -> Term:
    """The words for a metric; one that has none yet is shown under its own name.

    >>> term("fidelity.shape").label
    'Shape error'
    >>> term("privacy.new_attack").label
    'New attack'
    """
    known = METRICS.get(metric)
    if known is not None:
        return known
    label = metric.rpartition(".")[2].replace("_", " ").capitalize()
    return Term(label, "", "A metric that this version has no words for yet.", "", "", "score", 3)
