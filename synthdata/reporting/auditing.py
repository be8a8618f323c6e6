"""An audit of differential privacy in words, for the terminal and the report."""

from __future__ import annotations

from typing import Any


def finding(facts: dict[str, Any]) -> str:
    """What an audit found, in a sentence or two.

    >>> facts = {"claimed": {"epsilon": 1.0}, "lower": 0.4, "refuted": False, "refutable": 3.6, "canaries": 200,
    ...          "confidence": 0.95}
    >>> finding(facts)[:41]
    'Not refuted: the guesses show epsilon ≥ 0'
    """
    lower, claimed = facts["lower"], facts["claimed"]["epsilon"]
    canaries, sure = f"{facts['canaries']:,}", f"{facts['confidence']:.0%}"
    if facts["refuted"]:
        return (
            f"Refuted: with {sure} confidence epsilon is at least {lower:.2f}, and {claimed:g} is claimed. "
            "Do not release what this model makes; the claim, the settings or the program is wrong."
        )
    said = (
        f"Not refuted: the guesses show epsilon ≥ {lower:.2f} with {sure} confidence, and {claimed:g} is claimed. "
        f"With {canaries} canaries no more than {facts['refutable']:.2f} could have been shown"
    )
    if facts["refutable"] <= claimed:
        return f"{said}, so that this audit could not refute the claim at all: take more canaries."
    return f"{said}. A low figure proves nothing: a better attack may show more."


def attack_figures(facts: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Each attack's name, what it looks at, its best guesses and its bound."""
    rows = []
    for name, attack in facts["attacks"].items():
        best = max(attack["guesses"], key=lambda guess: (guess["epsilon"], guess["right"] / guess["guessed"]))
        rows.append((name, attack["looks_at"], f"{best['right']} of {best['guessed']}", f"{attack['lower']:.2f}"))
    return rows


def audit_lines(facts: dict[str, Any]) -> list[str]:
    """What the terminal shows."""
    lines = [finding(facts)]
    for name, looks_at, guesses, bound in attack_figures(facts):
        lines.append(f"  {name}: epsilon ≥ {bound}, {guesses} guesses right ({looks_at})")
    if len(facts["attacks"]) == 1:
        lines.append("  white box: this model gave no answer and tells no loss, so only its rows were looked at")
    return [*lines, facts["internal"]]
