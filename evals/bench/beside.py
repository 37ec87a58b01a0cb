"""BARO and N-Sigma of the RCAEval package over a folder of rcd's cases, as JSON: run by `evals.bench.ranking`.

A script by itself: RCAEval wants Python 3.12 or later and an environment of its own (`pip install RCAEval`, with what
it needs of pandas and scikit-learn), so nothing of Midwatch is imported here. Its options are those that give the
figures that were published for this set.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from RCAEval.e2e import baro, nsigma

METHODS = {"BARO": baro, "N-Sigma": nsigma}


def ranked(method: str, folder: Path) -> tuple[list[str], float]:
    """Columns by rank, and the seconds that the ranking took without reading the files."""
    normal, anomalous = (pd.read_csv(folder / name) for name in ("normal.csv", "anomalous.csv"))
    table = pd.concat([normal, anomalous], ignore_index=True)
    table["time"] = np.arange(len(table))
    started = time.perf_counter()
    found = METHODS[method](table, inject_time=len(normal), dataset="sock-shop", dk_select_useful=False)
    return [str(name) for name in found["ranks"]], time.perf_counter() - started


def main(root: Path) -> None:
    """Print {method: {case: [columns, seconds]}}."""
    warnings.filterwarnings("ignore")
    folders = sorted(path.parent for path in root.rglob("anomalous.csv"))
    answer = {
        method: {folder.relative_to(root).as_posix(): ranked(method, folder) for folder in folders}
        for method in METHODS
    }
    print(json.dumps(answer))  # noqa: T201 - its answer


if __name__ == "__main__":
    main(Path(sys.argv[1]))
