"""The desk a specialist works at: asks probes, redacts and keeps what came back, notes what could not be seen."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from agents.specialist import Desk
from incidents.evidence import Evidence
from incidents.finding import AgentName, Gap
from incidents.recording import Answer, Missed
from incidents.redaction import redact
from incidents.value import Value
from tools.clock import Clock
from tools.errors import NotConfiguredError, ToolError, TransientError
from tools.estate import Cluster
from tools.probe import Observation, Probe

ArgsT = TypeVar("ArgsT", bound=Value)
ViewT = TypeVar("ViewT", bound=Value)

_Key = tuple[str, str]

PROBE_SHARE = 0.5
"""Of a round's seconds, what one probe may take with its retries and pages: 20 s of the usual 40; longer than one HTTP
time-out, short at 2:47."""

AT_ONCE = 6
"""Probes of one specialist at once: enough to hide latency, few enough not to load an API server in trouble."""


class LiveDesk(Desk):
    """A desk over the real clients of one cluster, for one specialist in one round."""

    def __init__(self, *, cluster: Cluster, clock: Clock, agent: AgentName, probes: int, seconds: float) -> None:
        """`probes` and wall-clock `seconds` from now are what this specialist may use up in this round."""
        # Who has no Kubernetes API has nothing to share either.
        together = cluster.kubernetes and (cluster.kubernetes_together or cluster.kubernetes)
        self.cluster, self.clock, self.agent = replace(cluster, kubernetes=together), clock, agent
        self._left = probes
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._locks: dict[_Key, asyncio.Lock] = {}
        self._answers: dict[_Key, Observation[Any] | ToolError] = {}
        self._seen: dict[str, Observation[Any]] = {}
        self._gaps: list[Gap] = []
        self._patience = seconds * PROBE_SHARE
        self._deadline = asyncio.get_running_loop().time() + seconds

    @property
    def observations(self) -> Sequence[Observation[Any]]:
        """What was seen, each observation once."""
        return tuple(self._seen.values())

    @property
    def gaps(self) -> Sequence[Gap]:
        """What could not be seen, each gap once."""
        return tuple(dict.fromkeys(self._gaps))

    @property
    def probes(self) -> int:
        """How many questions were really asked."""
        return len(self._answers)

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every question that was asked here with what came back, for a recording."""
        return tuple(_answer(name, arguments, got) for (name, arguments), got in self._answers.items())

    async def observe(self, probe: Probe[ArgsT, ViewT], args: ArgsT) -> Observation[ViewT] | None:
        """Ask, once for the same arguments. None, with the gap noted, when it could not be seen."""
        key = (probe.name, args.model_dump_json())
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._answers:
                if self._left <= 0:
                    self._missed(probe, "the budget of probes for this investigation is spent")
                    return None
                self._left -= 1
                self._answers[key] = await self.ask(probe, args)
        answer = self._answers[key]
        match answer:
            case NotConfiguredError():
                self._missed(probe, f"{probe.source} is not configured for {self.cluster.name}")
            case ToolError():
                self._missed(probe, str(answer))
            case _:
                self._seen[answer.evidence.id] = answer
                return answer
        return None

    async def ask(self, probe: Probe[ArgsT, ViewT], args: ArgsT) -> Observation[ViewT] | ToolError:
        """Put one question to the system; its error is an answer too."""
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(self._deadline), self._slots, asyncio.timeout(self._patience):
                return await self._seen_lately(probe, args)
        except TimeoutError:
            waited = asyncio.get_running_loop().time() - started
            return TransientError(f"{probe.source} did not answer within {waited:.0f} s")
        except ToolError as error:
            return error

    async def _seen_lately(self, probe: Probe[ArgsT, ViewT], args: ArgsT) -> Observation[ViewT]:
        """What a colleague was told a moment ago; else what the system says now."""

        async def look() -> Observation[ViewT]:
            return _without_secrets(probe, await probe.run(self.cluster, args))

        if self.cluster.seen_lately is None:
            return await look()
        return await self.cluster.seen_lately.ask(f"{probe.name} {args.model_dump_json()}", look)

    def _missed(self, probe: Probe[Any, Any], why: str) -> None:
        self._gaps.append(Gap(agent=self.agent, what=probe.name, why=redact(why)))


def _without_secrets(probe: Probe[Any, ViewT], seen: Observation[ViewT]) -> Observation[ViewT]:
    """The same observation without secrets, in the view too: what detectors read is what the record can give again."""
    evidence = redacted(seen.evidence)
    if evidence is seen.evidence and seen.verbatim:
        return seen
    if seen.verbatim:
        return _reread(probe, replace(seen, evidence=evidence), evidence.body)
    whole = seen.view.model_dump_json(exclude_defaults=True)
    seen = replace(seen, evidence=evidence, written=redact(whole))
    return seen if seen.written == whole else _reread(probe, seen, seen.written)


def _reread(probe: Probe[Any, ViewT], seen: Observation[ViewT], written: str) -> Observation[ViewT]:
    try:
        return replace(seen, view=probe.view.model_validate_json(written))
    except ValidationError:  # a mark stands where the view wants a number or a word of a closed set
        return replace(seen, verbatim=False)


def _answer(name: str, arguments: str, got: Observation[Any] | ToolError) -> Answer:
    match got:
        case NotConfiguredError():
            return Answer(probe=name, arguments=arguments, missed=Missed.NOT_CONFIGURED, problem=redact(str(got)))
        case TransientError():
            return Answer(probe=name, arguments=arguments, missed=Missed.TRANSIENT, problem=redact(str(got)))
        case ToolError():
            return Answer(probe=name, arguments=arguments, missed=Missed.PERMANENT, problem=redact(str(got)))
        case _:
            view = None if got.verbatim else got.written or redact(got.view.model_dump_json(exclude_defaults=True))
            return Answer(probe=name, arguments=arguments, view=view, evidence=got.evidence, entities=got.entities)


def redacted(evidence: Evidence) -> Evidence:
    """The same observation without secrets in body, query and link: nothing else is stored or shown (invariant 10)."""
    body, query = redact(evidence.body), redact(evidence.query)
    if body == evidence.body and query == evidence.query:
        return evidence
    return Evidence.of(
        probe=evidence.probe,
        source=evidence.source,
        query=query,
        observed_at=evidence.observed_at,
        body=body,
        window=evidence.window,
        entities=evidence.entities,
        cut=evidence.cut,
        link=redact(evidence.link) if evidence.link else None,
        title=evidence.title,
    )
