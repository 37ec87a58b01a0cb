"""Whether a model's answer holds: what it cites exists, entities are in the inventory, causes and actions are known.

What holds becomes a Diagnosis; what does not is said in sentences that the model can act upon.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from agents.diagnostician.weights import DIAGNOSED
from agents.model.answer import Answer, AnswerVerdict, Claim, Proposition
from agents.model.prompt import action_kinds
from agents.runbooks.library import Library
from agents.runbooks.problem import did_you_mean
from incidents.casefile import CaseFile
from incidents.diagnosis import SEVERAL_THRESHOLD, Argument, Diagnosis, Engine, Hypothesis, Verdict
from incidents.evidence import Evidence
from incidents.finding import RuledOut
from incidents.ids import CauseSlug, EntityId, EvidenceId, FactId
from incidents.redaction import redact

if TYPE_CHECKING:
    from incidents.fact import Fact

UNKNOWN = CauseSlug("unknown")
"""The cause of a hypothesis that no runbook describes. Nothing is ever done about it by Midwatch."""

MOST_SURE = 0.97
"""Models are not calibrated; nobody should read certainty out of one."""

UNKNOWN_MOST = 0.55
"""A cause that no runbook describes has no predictions that code could check: it stays below a diagnosis."""

POINT = 1.0
"""Log odds that one cited point of a model is shown with: it gives none, and the console sorts by weight."""


class Seen(Protocol):
    """Where observations are known from."""

    @property
    def evidence(self) -> Mapping[EvidenceId, Evidence]:
        """By id."""
        ...


def problems(answer: Answer, *, case: CaseFile, library: Library, evidence: Mapping[EvidenceId, Evidence]) -> list[str]:
    """What does not hold, each in a sentence that says what to write instead. Empty: it holds."""
    found = [*_verdict_problems(answer)]
    for number, proposition in enumerate(answer.hypotheses, start=1):
        where = f"hypothesis {number}"
        found += _entity_problems(proposition.entity, case=case, where=where)
        found += _cause_problems(proposition, library=library, where=where)
        found += _action_problems(proposition, library=library, where=where)
        found += _claim_problems(proposition, evidence=evidence, where=where)
    for number, suspect in enumerate(answer.ruled_out, start=1):
        where = f"ruled_out {number}"
        if suspect.entity is not None:
            found += _entity_problems(suspect.entity, case=case, where=where)
        found += _unknown_evidence(suspect.evidence, evidence=evidence, where=where)
    return found


def _verdict_problems(answer: Answer) -> Iterator[str]:
    standing = [p for p in answer.hypotheses if p.probability >= SEVERAL_THRESHOLD]
    best = max((p.probability for p in answer.hypotheses), default=0.0)
    match answer.verdict:
        case AnswerVerdict.INCONCLUSIVE:
            if best >= DIAGNOSED:
                yield f"the verdict is inconclusive, but a hypothesis has {best}: diagnose, or go below {DIAGNOSED}"
        case AnswerVerdict.DIAGNOSED:
            if best < DIAGNOSED:
                yield f"the verdict is diagnosed, but no hypothesis reaches {DIAGNOSED}: write inconclusive"
        case AnswerVerdict.SEVERAL:
            if len(standing) < 2 or best < DIAGNOSED:  # noqa: PLR2004 - several is more than one
                yield f"the verdict is several, but fewer than two hypotheses reach {SEVERAL_THRESHOLD}"


def _entity_problems(entity: str, *, case: CaseFile, where: str) -> Iterator[str]:
    if EntityId(entity) not in case.inventory:
        instead = did_you_mean(entity, case.inventory) or "write an id from the inventory"
        yield f"{where}: {entity[:200]!r} is not in the inventory: {instead}"


def _cause_problems(proposition: Proposition, *, library: Library, where: str) -> Iterator[str]:
    if proposition.cause == UNKNOWN:
        if not proposition.title:
            yield f"{where}: an unknown cause needs a title"
        return
    if library.cause(CauseSlug(proposition.cause)) is None:
        slugs = [cause.slug for cause in library.causes]
        instead = did_you_mean(proposition.cause, slugs) or f"write {UNKNOWN} and give it a title"
        yield f"{where}: there is no cause {proposition.cause[:120]!r}: {instead}"


def _action_problems(proposition: Proposition, *, library: Library, where: str) -> Iterator[str]:
    known = action_kinds(library)
    for action in proposition.actions:
        if action not in known:
            instead = did_you_mean(action, known) or "leave it out"
            yield f"{where}: {action[:120]!r} is no action of the catalogue: {instead}"


def _claim_problems(proposition: Proposition, *, evidence: Mapping[EvidenceId, Evidence], where: str) -> Iterator[str]:
    if not proposition.speaks_for:
        yield f"{where}: nothing speaks for it: cite observations, or leave it out"
    for claim in (*proposition.speaks_for, *proposition.speaks_against):
        yield from _unknown_evidence(claim.evidence, evidence=evidence, where=where)


def _unknown_evidence(ids: Iterable[str], *, evidence: Mapping[EvidenceId, Evidence], where: str) -> Iterator[str]:
    for cited in ids:
        if EvidenceId(cited) not in evidence:
            yield f"{where}: there is no observation {cited[:60]!r}: cite ids that you were shown"


def diagnosis_of(
    answer: Answer, *, case: CaseFile, rules: Diagnosis, library: Library, note: str, now: datetime
) -> Diagnosis:
    """The answer as a Diagnosis. Call it only when `problems` found none."""
    hypotheses = sorted(
        (_hypothesis(proposition, case=case, rules=rules, library=library) for proposition in answer.hypotheses),
        key=lambda h: (-h.probability, h.cause, h.entity),
    )
    standing = [h for h in hypotheses if h.probability >= SEVERAL_THRESHOLD]
    proven = bool(hypotheses) and hypotheses[0].probability >= DIAGNOSED
    verdict = (Verdict.DIAGNOSED if len(standing) == 1 else Verdict.SEVERAL) if proven else Verdict.INCONCLUSIVE
    return Diagnosis(
        verdict=verdict,
        hypotheses=tuple(hypotheses),
        ruled_out=tuple(
            RuledOut(
                suspicion=_said(suspect.suspicion),
                entity=EntityId(suspect.entity) if suspect.entity else None,
                because=_said(suspect.because),
                evidence=tuple(EvidenceId(cited) for cited in suspect.evidence),
            )
            for suspect in answer.ruled_out
        ),
        gaps=rules.gaps,
        engine=Engine.MODEL,
        engine_note=note,
        reason=_said(answer.reason),
        at=now,
        round=rules.round,
    )


def _hypothesis(proposition: Proposition, *, case: CaseFile, rules: Diagnosis, library: Library) -> Hypothesis:
    cause = library.cause(CauseSlug(proposition.cause))
    entity = EntityId(proposition.entity)
    ruled = next((h for h in rules.hypotheses if (h.cause, h.entity) == (proposition.cause, entity)), None)
    return Hypothesis(
        cause=cause.slug if cause else UNKNOWN,
        title=cause.title if cause else _said(proposition.title),
        entity=entity,
        probability=round(min(proposition.probability, MOST_SURE if cause else UNKNOWN_MOST), 4),
        speaks_for=tuple(_argument(claim, weight=POINT, case=case) for claim in proposition.speaks_for),
        speaks_against=tuple(_argument(claim, weight=-POINT, case=case) for claim in proposition.speaks_against),
        would_decide=tuple(_said(text) for text in proposition.would_decide),
        onset=ruled.onset if ruled else case.onset,
        change=ruled.change if ruled else None,
        explains=ruled.explains if ruled else (),
        statement=_said(proposition.statement),
    )


def _argument(claim: Claim, *, weight: float, case: CaseFile) -> Argument:
    cited = tuple(dict.fromkeys(EvidenceId(evidence) for evidence in claim.evidence))
    return Argument(text=_said(claim.text), weight=weight, facts=_facts(cited, case=case), evidence=cited)


def _facts(cited: tuple[EvidenceId, ...], *, case: CaseFile) -> tuple[FactId, ...]:
    """Facts that were read from what is cited, so that the planner finds its figures."""
    found: list[Fact] = [fact for fact in case.facts if set(fact.evidence) & set(cited)]
    return tuple(fact.id for fact in found)


def _said(text: str) -> str:
    """A model's sentence on one line, without control characters and without secrets."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return redact(" ".join(printable.split()))
