"""What a refusal to draw on blames: the conditions or the rules, whichever lets fewer rows through."""

from __future__ import annotations

import pandas as pd
import pytest

from synthdata.models.conditioning import parse_conditions
from synthdata.models.drawing import Keeper
from synthdata.models.registry import make_model

TABLE = pd.DataFrame({"net": range(61), "gross": [2 * net for net in range(61)]})
COLUMNS = [{"name": name, "kind": "numerical"} for name in TABLE]
RULE = "net <= 60"


def keeper(given: str, met: int, broke: int) -> Keeper:
    model = make_model("independent").fit(
        TABLE, schema={"columns": COLUMNS, "rules": [{"type": "expression", "expression": RULE}]}, seed=0
    )
    made = Keeper(model.schema_, parse_conditions(given, model.schema_), model.encoder_)
    made.met, made.broke = met, {RULE: broke}
    return made


@pytest.mark.parametrize(
    ("given", "drawn", "met", "have", "said", "advice"),
    [
        ("gross=60", 108_000, 40, 9, "108,000 rows drawn, 40 met gross=60, and 9 of these keep the rules", "a range"),
        ("gross>=60", 108_000, 40, 9, "108,000 rows drawn, 40 met gross>=60, and 9 of these", "Loosen the conditions"),
        ("gross>=60", 20_000, 5, 0, "20,000 rows drawn, 5 met gross>=60, and 0 of these", "Loosen the conditions"),
        ("gross>=60", 20_000, 0, 0, "20,000 rows drawn, 0 met gross>=60.", "Loosen the conditions"),
        ("gross>=60", 108_000, 9, 9, "108,000 rows drawn, 9 met gross>=60.", "Loosen the conditions"),
        ("gross>=60", 20_000, 15_000, 0, "15,000 rows drawn that met gross>=60, 0 keep the rules", "loosen the rule"),
        ("", 20_000, 20_000, 3, "Of 20,000 rows drawn, 3 keep the rules", "loosen the rule"),
    ],
)
def test_the_narrower_of_the_two_is_blamed(given: str, drawn: int, met: int, have: int, said: str, advice: str) -> None:
    text = str(keeper(given, met, met - have).refusal(drawn, have))
    assert said in text
    assert advice in text
    assert ("most often broken" in text) == ("loosen the rule" in text)
