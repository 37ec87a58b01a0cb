"""A handled incident as a scenario: its export beside a small file with the truth, which a person has to confirm.

title: 6.3 % of requests to checkout fail with 503
incident: inc-20261117-4f2a-9b3c41d2e0aa.json.gz
confirmed: false
truth: {cause: memory_limit_too_low, entity: shop/deployment/checkout, actions: [rollback_workload]}
"""

import time
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from agents.runbooks.library import Library
from evals.harness.result import CaseResult, shown
from evals.harness.truth import Culprit, Known
from evals.replay.replay import replay
from evals.scores.episode import scores
from incidents.ids import CauseSlug, EntityId
from incidents.verification import Outcome
from orchestrator.exporting import Export, InvalidExportError
from worlds.scenario.load import ScenarioError
from worlds.scenario.scenario import Truth

MARK = "incident"
"""The key that tells such a file from a scenario of a world."""


class Imported(BaseModel):
    """What stands in the file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    incident: str
    """The export's file name, beside this file."""
    confirmed: bool = False
    """Whether a person says that the truth is true. What nobody confirmed is not run."""
    truth: Truth
    notes: str = ""


def is_imported(path: Path) -> bool:
    """Whether a scenario file is one of these."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return False
    return isinstance(raw, dict) and MARK in raw


def load_imported(path: Path) -> tuple[Imported, Export]:
    """Read both files. Raises ScenarioError with file and field."""
    try:
        found = Imported.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        export = Export.read(path.parent / found.incident)
    except ValidationError as error:
        lines = (f"{path}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ScenarioError("\n".join(lines)) from error
    except (OSError, yaml.YAMLError, InvalidExportError) as error:
        raise ScenarioError(f"{path}: {error}") from error
    if not found.confirmed:
        raise ScenarioError(f"{path}: confirmed: read the truth, correct it if need be, and write `confirmed: true`")
    return found, export


async def replayed(path: Path, *, case: str, family: str, library: Library) -> CaseResult:
    """Replay it and hold the diagnosis against the truth. What would heal cannot be seen: nothing moves in a file."""
    started = time.perf_counter()
    found, export = load_imported(path)
    again = await replay(export, library=library)
    truth = _known(found.truth, cluster=export.incident.cluster)
    topology = again.found.case.topology
    return CaseResult(
        case=case,
        family=family,
        expected=truth.text,
        ranked=tuple(f"{h.cause} at {h.entity.split('/', 1)[1]}" for h in again.diagnosis.hypotheses[:5]),
        correct=truth.right(again.diagnosis, topology),
        seconds=round(time.perf_counter() - started, 3),
        metrics=scores(truth=truth, found=again.found, healed=None, harmed=False),
        verdict=again.diagnosis.verdict.value,
        reason=again.diagnosis.reason,
        hypotheses=shown(again.diagnosis),
        probes=again.found.probes,
        rounds=again.found.rounds,
        gaps=tuple(dict.fromkeys(f"{gap.what}: {gap.why}" for gap in again.found.case.gaps)),
    )


def _known(truth: Truth, *, cluster: str) -> Known:
    one = [Culprit(cause=CauseSlug(truth.cause), entity=EntityId(f"{cluster}/{truth.entity}"))] if truth.cause else []
    more = [Culprit(cause=CauseSlug(o.cause), entity=EntityId(f"{cluster}/{o.entity}")) for o in truth.also]
    return Known(causes=(*one, *more), healthy=truth.healthy, actions=truth.actions, must_not=truth.must_not)


def import_export(source: Path, *, folder: Path) -> Path:
    """Copy an export into a folder and write the scenario beside it, unconfirmed. Raises InvalidExportError."""
    export = Export.read(source)
    folder.mkdir(parents=True, exist_ok=True)
    export.write(folder / export.file_name)
    path = folder / f"{export.incident.id.lower()}.yaml"
    document = {
        "title": export.incident.title,
        "incident": export.file_name,
        "confirmed": False,
        "truth": _suggested(export),
        "notes": "The truth is what Midwatch concluded. Correct it where it was wrong, then write confirmed: true.",
    }
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110), encoding="utf-8")
    return path


def _suggested(export: Export) -> dict[str, Any]:
    """What Midwatch concluded, in the form of a truth; actions only where telemetry said that they helped."""
    leading = export.diagnoses[-1].leading if export.diagnoses else ()
    if not leading:
        return {"inconclusive": True}
    first, *others = leading
    truth: dict[str, Any] = {"cause": str(first.cause), "entity": first.entity.split("/", 1)[1]}
    if others:
        truth["also"] = [{"cause": str(h.cause), "entity": h.entity.split("/", 1)[1]} for h in others]
    helped = export.verification is not None and export.verification.outcome is Outcome.VERIFIED
    if export.proposal is not None and helped:
        truth["actions"] = [str(action.request.kind) for action in export.proposal.body.actions]
    return truth
