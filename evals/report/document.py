"""The JSON of a run. Its first level is fixed: suite, cases, metrics, families, results."""

import json
from collections.abc import Mapping
from pathlib import Path

from evals.scores.suite import Figures, Suite
from incidents.canonical import Json

DIGITS = 4


def document(suite: Suite) -> dict[str, Json]:
    """The whole run as plain JSON."""
    times = sorted(result.seconds for result in suite.results)
    return {
        "suite": suite.name,
        "cases": len(suite.results),
        "metrics": {**_values(suite.metrics), "seconds": round(sum(times) / max(1, len(times)), DIGITS)},
        "families": {family: _values(figures) for family, figures in suite.families.items()},
        "intervals": {
            "overall": _bounds(suite.metrics),
            **{family: _bounds(figures) for family, figures in suite.families.items()},
        },
        "failures": sum(1 for result in suite.results if result.error),
        "results": [result.model_dump(mode="json") for result in suite.results],
    }


def write(suite: Suite, path: Path, *, others: Mapping[str, Suite] | None = None, complete: bool = True) -> None:
    """Write it, making the folder. `others` are the same cases by other engines; of a stopped run it says so."""
    whole = document(suite) | {"complete": complete}
    if others:
        whole |= {"arms": {arm: document(other) for arm, other in others.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _values(figures: Figures) -> dict[str, Json]:
    return {name: round(figure.value, DIGITS) for name, figure in figures.items()}


def _bounds(figures: Figures) -> dict[str, Json]:
    return {name: [round(f.low, DIGITS), round(f.high, DIGITS), f.cases] for name, f in figures.items()}
