"""What an adapter of a benchmark is: it turns recorded cases into recordings, and our answer into the set's words.

One file `evals/datasets/<name>.py` with the constant `DATASET`, or a package whose module `benchmark` has it; dashes of
a set's name become underscores.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from incidents.alert import Alert
from incidents.casefile import CaseFile
from incidents.diagnosis import Diagnosis
from incidents.value import Value
from worlds.recorded.recording import Recording


class Ask(Value):
    """How the case reaches Midwatch: alerts as Alertmanager would have sent them."""

    alerts: tuple[Alert, ...]
    symptom: str = ""
    """The complaint as a person worded it, when the set has one."""


class Judgement(Value):
    """One case, judged in the set's own words."""

    expected: str
    ranked: tuple[str, ...]
    """Our answers in the set's words, best first, each once."""
    correct: bool
    """Whether the first answer is right."""
    metrics: Mapping[str, float]
    """Contribution of this case by metric name (`A@1`, `AC@3`, `Avg@5`, ...): the suite's figure is the mean."""
    notes: tuple[str, ...] = ()
    """What of the case the adapter could not use."""


class Case(Protocol):
    """One incident of a set."""

    id: str
    """Unique within the set and stable: the folder below the given path."""
    family: str

    def load(self) -> tuple[Recording, Ask]:
        """Read it. Raises DatasetError with file and place when it cannot be read."""
        ...

    def judge(self, diagnosis: Diagnosis, case: CaseFile) -> Judgement:
        """Hold our answer against the truth. Only here may the truth be read."""
        ...


class Dataset(Protocol):
    """A benchmark's format."""

    name: str
    title: str

    def cases(self, path: Path) -> Sequence[Case]:
        """All cases in any folder of this format, sorted by id. Raises DatasetError when there is none."""
        ...


class DatasetError(ValueError):
    """The folder or a file of it has not the set's format: the message names file, place and what was expected."""
