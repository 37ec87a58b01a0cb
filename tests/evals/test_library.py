"""The library of scenarios, played from alert to verified repair: no figure may fall behind the committed baseline."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

import evals
from evals.harness.episode import EpisodeJob, work
from evals.harness.scenarios import jobs
from evals.report.terminal import explanation
from evals.scores import baseline
from evals.scores.baseline import regressions
from evals.scores.suite import suite_of

BASELINE = Path(evals.__file__).parent / "baseline.json"
FAMILIES: dict[str, list[EpisodeJob]] = defaultdict(list)
for one in jobs():
    FAMILIES[one.family].append(one)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_no_figure_of_a_family_falls_behind(family: str) -> None:
    results = [work(job) for job in FAMILIES[family]]
    suite = suite_of("scenarios", results)
    for result in results:
        print("\n".join(explanation(result)))
    assert [result.error for result in results if result.error] == []
    assert [defect for result in results for defect in result.defects] == []
    assert [found.text for found in regressions(suite, baseline.read(BASELINE))] == []
    assert [result.case for result in results if result.deed and result.deed.harmful] == []


def test_every_case_of_the_baseline_is_still_there() -> None:
    """A case is not made to pass by being taken away."""
    known = {job.case for group in FAMILIES.values() for job in group}
    assert set(baseline.read(BASELINE).cases) <= known
