"""The desk a specialist works at: asks probes, redacts and keeps what came back, notes what could not be seen."""

import asyncio
from collections.abc import Sequence
from typing import Any, TypeVar

from agents.specialist import Desk
from incidents.evidence import Evidence
from incidents.finding import AgentName, Gap
from incidents.redaction import redact
from incidents.value import Value
from tools.clock import Clock
from tools.errors import NotConfiguredError, ToolError, TransientError
from tools.estate import Cluster
from tools.probe import Observation, Probe

ArgsT = TypeVar("ArgsT", bound=Value)
ViewT = TypeVar("ViewT", bound=Value)

_Key = tuple[str, str]

PROBE_SECONDS = 20.0
"""Wall-clock seconds one probe may take with its retries and pages; longer than one HTTP time-out, short at 2:47."""

AT_ONCE = 6
"""Probes of one specialist at once: enough to hide latency, few enough not to load an API server in trouble."""


class LiveDesk(Desk):
    """A desk over the real clients of one cluster, for one specialist in one round."""

    def __init__(self, *, cluster: Cluster, clock: Clock, agent: AgentName, probes: int, seconds: float) -> None:
        """`probes` and wall-clock `seconds` from now are what this specialist may use up in this round."""
        self.cluster, self.clock, self.agent = cluster, clock, agent
        self._left = probes
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._locks: dict[_Key, asyncio.Lock] = {}
        self._answers: dict[_Key, Observation[Any] | ToolError] = {}
        self._seen: dict[str, Observation[Any]] = {}
        self._gaps: list[Gap] = []
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

    async def observe(self, probe: Probe[ArgsT, ViewT], args: ArgsT) -> Observation[ViewT] | None:
        """Ask, once for the same arguments. None, with the gap noted, when it could not be seen."""
        key = (probe.name, args.model_dump_json())
        async with self._locks.setdefault(key, asyncio.Lock()):
            if key not in self._answers:
                if self._left <= 0:
                    self._missed(probe, "the budget of probes for this investigation is spent")
                    return None
                self._left -= 1
                self._answers[key] = await self._ask(probe, args)
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

    async def _ask(self, probe: Probe[ArgsT, ViewT], args: ArgsT) -> Observation[ViewT] | ToolError:
        started = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout_at(self._deadline), self._slots, asyncio.timeout(PROBE_SECONDS):
                seen = await probe.run(self.cluster, args)
        except TimeoutError:
            waited = asyncio.get_running_loop().time() - started
            return TransientError(f"{probe.source} did not answer within {waited:.0f} s")
        except ToolError as error:
            return error
        return Observation(view=seen.view, evidence=redacted(seen.evidence), entities=seen.entities)

    def _missed(self, probe: Probe[Any, Any], why: str) -> None:
        self._gaps.append(Gap(agent=self.agent, what=probe.name, why=redact(why)))


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
