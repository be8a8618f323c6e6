"""Progress as observers see it."""

from __future__ import annotations

from synthdata.progress import Event, Progress


def test_time_left_outside_of_a_stage_is_counted_from_the_beginning() -> None:
    seen: list[Event] = []
    Progress([seen.append]).step(0.05)
    assert seen[0].seconds_left is not None
    assert seen[0].seconds_left < 600
