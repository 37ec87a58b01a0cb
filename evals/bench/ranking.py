"""The ranking of departures beside BARO and N-Sigma, on rcd's cases: who is right, and how long each takes.

`python -m evals.bench.ranking FOLDER [--beside PYTHON]`, where PYTHON is an interpreter that has the RCAEval package.
The time is that of the ranking alone, on tables in memory, one after the other on the same machine.
"""

import argparse
import json
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from agents.observability.departure import departures, moment_of
from evals.datasets.rcd import Rcd, RcdCase, RcdTable, read_case, service_of
from evals.scores.ranks import accuracy

BESIDE = Path(__file__).with_name("beside.py")
BESIDE_SECONDS = 1800
"""Wall-clock seconds that the other package may take for the whole folder."""
Answers = Mapping[str, tuple[Sequence[str], float]]
"""Case -> columns by rank, seconds."""


def ours(cases: Sequence[RcdCase]) -> Answers:
    """The onset is found, not given."""
    return {case.id: _ranked(read_case(case.folder)) for case in cases}


def _ranked(table: RcdTable) -> tuple[Sequence[str], float]:
    started = time.perf_counter()
    found = departures(table.values, moment=moment_of(table.values))
    order = np.argsort(-found.score, kind="stable")
    return [table.columns[index] for index in order], time.perf_counter() - started


def beside(python: str, folder: Path) -> Mapping[str, Answers]:
    """What the other package answers. Raises CalledProcessError when it cannot run."""
    done = subprocess.run(  # noqa: S603 - an interpreter that the person at the keyboard named
        [python, str(BESIDE), str(folder)], check=True, capture_output=True, text=True, timeout=BESIDE_SECONDS
    )
    found: dict[str, dict[str, tuple[list[str], float]]] = json.loads(done.stdout)
    return found


def figures(answers: Answers, cases: Sequence[RcdCase]) -> Mapping[str, float]:
    """Means over cases: AC@1, AC@3, Avg@5 on the service, and seconds a case."""
    metrics = [accuracy(_services(answers[case.id][0]), right=[case.truth]) for case in cases]
    seconds = [answers[case.id][1] for case in cases]
    return {
        **{name: float(np.mean([one[name] for one in metrics])) for name in ("AC@1", "AC@3", "Avg@5")},
        "seconds": float(np.mean(seconds)),
    }


def _services(columns: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(service_of(column) for column in columns))


def main() -> None:
    """Print one line per method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--beside", default="", metavar="PYTHON", help="an interpreter with the RCAEval package")
    options = parser.parse_args()
    cases = Rcd().cases(options.folder)
    methods: dict[str, Answers] = {"departures": ours(cases)}
    if options.beside:
        methods |= beside(options.beside, options.folder)
    own = figures(methods["departures"], cases)["seconds"]
    for name, answers in methods.items():
        found = figures(answers, cases)
        shown = "  ".join(f"{metric} {found[metric]:.3f}" for metric in ("AC@1", "AC@3", "Avg@5"))
        print(f"{name:12} {shown}  {found['seconds']:.4f} s a case ({found['seconds'] / own:.1f} x)")  # noqa: T201


if __name__ == "__main__":
    main()
