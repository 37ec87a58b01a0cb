"""From what a sum of points amounts to, to what it is worth: how often answers like it turned out right.

The points are argued one by one, and what they amount to is too modest: answers that stood between 70 and 80 % were
right in more than nine cases of ten. Temperature scaling (Guo et al., "On Calibration of Modern Neural Networks", ICML
2017; Platt's scaling without its offset) divides log odds by one number. It keeps every order and leaves a half a half.
"""

import math

from agents.diagnostician.weights import MOST_SURE
from incidents.diagnosis import Diagnosis, Engine

TEMPERATURE = 0.64
"""Fitted by log loss on the first answers to 147 scenarios of the library, as they were before anybody had looked into
the wrong ones; between 0.40 and 0.66 when any one family is left out, half of them at 0.64. What it was fitted on, what
it gained and what it does not say: docs/evals.md."""
LEAST = 1e-4
"""Below it, and this near to 1, log odds are of no use to anybody."""


def stated(probability: float) -> float:
    """What is said to people for a probability that the argument came to; never surer than MOST_SURE."""
    bounded = min(max(probability, LEAST), 1 - LEAST)
    odds = math.log(bounded / (1 - bounded)) / TEMPERATURE
    return round(min(1 / (1 + math.exp(-odds)), MOST_SURE), 4)


def as_stated(diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis with the probabilities that people are told; a model's stay: nothing was fitted to them."""
    if diagnosis.engine is not Engine.RULES:
        return diagnosis
    told = tuple(h.model_copy(update={"probability": stated(h.probability)}) for h in diagnosis.hypotheses)
    return diagnosis.model_copy(update={"hypotheses": told})
