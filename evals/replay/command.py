"""`midwatch replay FILE`: what was diagnosed and proposed then, what would be now, what nobody knows any more."""

import asyncio
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from agents.model.engine import engine_of
from agents.runbooks.folders import SHIPPED, RunbookFolders
from evals.replay.difference import Difference, differences
from evals.replay.replay import Replayed, replay
from incidents.diagnosis import Diagnosis
from incidents.proposal import Proposal
from incidents.value import Value
from orchestrator.exporting import Export, InvalidExportError
from orchestrator.policy.load import InvalidPolicyError, load_policy
from orchestrator.settings import load

NOT_RECORDED = "not recorded"
MOST_GAPS = 12


class Options(Value):
    """What was asked for."""

    file: Path
    runbooks: tuple[Path, ...] = ()
    policy: Path | None = None
    model: str = ""
    json_file: Path | None = None
    fail_on_difference: bool = False


def replay_command(options: Options) -> int:
    """Replay and tell. 2 for what cannot be read; 1 for a difference when that was asked for."""
    console = Console()
    try:
        export = Export.read(options.file)
        policy = load_policy(options.policy) if options.policy else None
    except (InvalidExportError, InvalidPolicyError) as error:
        console.print(str(error), style="red", markup=False)
        return 2
    library = RunbookFolders((SHIPPED, *options.runbooks)).library()
    engine = engine_of(load().model.model_copy(update={"name": options.model})) if options.model else None
    again = asyncio.run(replay(export, library=library, policy=policy, model=engine))
    found = differences(export, again)
    _tell(console, export, again, found)
    if options.json_file is not None:
        options.json_file.write_text(json.dumps(_document(export, again, found), indent=1), encoding="utf-8")
    return 1 if found and options.fail_on_difference else 0


def _tell(console: Console, export: Export, again: Replayed, found: tuple[Difference, ...]) -> None:
    head = export.incident
    console.print(f"[bold]{head.severity.label}  {head.title}[/]  opened {head.opened_at:%Y-%m-%d %H:%M} UTC")
    if export.diagnoses:
        console.print(f"then: {_diagnosis(export.diagnoses[-1])}", markup=False)
    console.print(f"now:  {_diagnosis(again.diagnosis)}", markup=False)
    if found:
        table = Table("different", "then", "now")
        for line in found:
            table.add_row(line.about, line.before, line.after)
        console.print(table)
    else:
        console.print("Identical to the bit: diagnosis, arguments and proposal.", style="green")
    gaps = sorted({f"{gap.agent}: {gap.what}" for gap in again.found.case.gaps if NOT_RECORDED in gap.why})
    if gaps:
        console.print(f"{len(gaps)} questions were not asked then, so nobody knows the answer (not recorded):")
        for gap in gaps[:MOST_GAPS]:
            console.print(f"  {gap}", markup=False)


def _diagnosis(diagnosis: Diagnosis) -> str:
    if not diagnosis.leading:
        return f"inconclusive. {diagnosis.reason}"
    return " ".join(f"{h.statement} ({h.probability:.0%} sure)" for h in diagnosis.leading)


def _document(export: Export, again: Replayed, found: tuple[Difference, ...]) -> dict[str, object]:
    proposal = again.proposal
    return {
        "incident": export.incident.id,
        "export": export.digest,
        "identical": not found,
        "differences": [line.model_dump() for line in found],
        "diagnosis": again.diagnosis.model_dump(mode="json"),
        "proposal": proposal.model_dump(mode="json") if isinstance(proposal, Proposal) else None,
        "nothing_proposed_because": "" if isinstance(proposal, Proposal) else proposal.why,
    }
