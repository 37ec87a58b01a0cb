"""How high the right answer stands in a ranking: AC@k and Avg@k, as benchmarks of root cause analysis define them.

AC@k is the share of cases whose right answer is among the first k; Avg@5 is the mean of AC@1 to AC@5 (Pham, Ha, Zhang,
"Root Cause Analysis for Microservice System based on Causal Inference: How Far Are We?", ASE 2024).
"""

from collections.abc import Collection, Sequence

DEPTH = 5
"""Ranks that Avg@5 averages over."""


def accuracy(ranked: Sequence[str], *, right: Collection[str]) -> dict[str, float]:
    """What one case adds to AC@1, AC@3, AC@5 and Avg@5. Any of several right answers counts."""
    place = next((number for number, one in enumerate(ranked, start=1) if one in right), DEPTH + 1)
    hits = [float(place <= k) for k in range(1, DEPTH + 1)]
    return {"AC@1": hits[0], "AC@3": hits[2], "AC@5": hits[4], "Avg@5": sum(hits) / DEPTH}
