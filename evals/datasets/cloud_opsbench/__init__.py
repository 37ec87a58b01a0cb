"""Cloud-OpsBench: frozen Kubernetes incidents as the text that kubectl and friends printed."""

from evals.datasets.cloud_opsbench.benchmark import DATASET

__all__ = ["DATASET"]
