"""Whom a diagnosis blames, as a ranking of workloads by name: for benchmarks whose truth is a service."""

from collections.abc import Mapping

from incidents.diagnosis import Diagnosis
from incidents.entity import Entity


def workloads_blamed(diagnosis: Diagnosis, *, names: Mapping[str, str]) -> tuple[str, ...]:
    """Workloads and services that the hypotheses name, likeliest first, each once, in the words of `names`.

    What `names` does not know (a node, a namespace) is left out.
    """
    entities = (Entity.parse(hypothesis.entity) for hypothesis in diagnosis.hypotheses)
    return tuple(dict.fromkeys(names[entity.name] for entity in entities if entity.name in names))
