"""Which scenarios are meant by paths and names of families, and what is wrong with those that cannot be read."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from evals.harness.episode import EpisodeJob
from evals.harness.recorded import library
from evals.replay.imported import is_imported, load_imported
from orchestrator.executor.catalogue import cards
from worlds.scenario.load import ScenarioError, load_scenario

LIBRARY = Path(__file__).resolve().parents[1] / "scenarios"
"""The scenarios that come with Midwatch."""
ESTATES = "estates"
"""The folder of base estates: what scenarios are laid over, no scenarios themselves."""


class NoScenarioError(ValueError):
    """Nothing of that name: the message says what there is."""


def jobs(names: Sequence[str] = ()) -> list[EpisodeJob]:
    """Files, folders, families (`nodes`) and cases (`nodes/general-node-lost`); the whole library when none is given.

    Sorted by case. Raises NoScenarioError.
    """
    found = {path.resolve(): None for name in names or (str(LIBRARY),) for path in files(name)}
    return sorted((_job(path) for path in found), key=lambda job: job.case)


def files(name: str) -> list[Path]:
    """The scenario files of one path, family or case. Raises NoScenarioError."""
    place = Path(name)
    for candidate in (place, LIBRARY / name, (LIBRARY / name).with_suffix(".yaml")):
        if candidate.is_file():
            return [candidate]
        if candidate.is_dir():
            return _below(candidate)
    families = ", ".join(sorted(folder.name for folder in LIBRARY.iterdir() if folder.name != ESTATES))
    raise NoScenarioError(f"{name!r} is no file, no folder and no family; families: {families}")


def problems(path: Path) -> list[str]:
    """What is wrong with one file, a line each with file, line and field."""
    try:
        truth = load_imported(path)[0].truth if is_imported(path) else load_scenario(path).truth
    except ScenarioError as error:
        return str(error).splitlines()
    text = path.read_text(encoding="utf-8")
    causes = {str(cause.slug) for cause in library().causes}
    blamed = [slug for slug in (truth.cause, *(other.cause for other in truth.also)) if slug]
    wrong = [
        *(("truth.cause", slug, "no cause of a runbook", causes) for slug in blamed if slug not in causes),
        *(
            ("truth.actions", kind, "no action of the catalogue", {str(kind) for kind in cards()})
            for kind in (*truth.actions, *truth.must_not)
            if kind not in cards()
        ),
    ]
    both = sorted(set(truth.actions) & set(truth.must_not))
    return [
        *(
            f"{path}:{_line(text, word)}: {field}: {word!r} is {what}{_near(word, known)}"
            for field, word, what, known in wrong
        ),
        *(f"{path}:{_line(text, word)}: truth.must_not: {word!r} stands under actions too" for word in both),
    ]


def _line(text: str, word: str) -> int:
    """The first line on which a word stands."""
    return next((number for number, line in enumerate(text.splitlines(), 1) if word in line), 1)


def _near(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, sorted(known), n=1)
    return f"; {close[0]}?" if close else ""


def _below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.yaml") if ESTATES not in path.relative_to(folder.parent).parts)


def _job(path: Path) -> EpisodeJob:
    return EpisodeJob(path=path, case=f"{path.parent.name}/{path.stem}", family=path.parent.name)
