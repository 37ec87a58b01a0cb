"""Public incident benchmarks, one adapter each. Names, labels and quirks of a set live in its adapter alone."""
