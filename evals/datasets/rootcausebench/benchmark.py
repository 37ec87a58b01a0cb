"""RootCauseBench as the harness finds it."""

from evals.datasets.rootcausebench.cases import RootCauseBench

DATASET = RootCauseBench()
