"""What the page of agents shows: investigations at work, what each agent does, what of the budget is used. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from agents.wording import duration
from incidents.finding import AgentName
from incidents.ids import IncidentId
from incidents.incident import EventKind, Incident, Phase, TimelineEvent
from incidents.value import Value
from orchestrator.settings import Budget, Model
from orchestrator.stopping import STOPPABLE
from orchestrator.store.working import Used
from service.web.agents import TEAM, Activity, activity_of, last_and_steps

NOBODY = "waits for a worker"


class Spent(Value):
    """One line of a budget."""

    name: str
    used: str
    limit: str
    share: float
    """0 to 1; more is shown as 1."""


class AtWork(Value):
    """One agent now."""

    name: AgentName
    activity: Activity
    doing: str
    since: datetime | None


class Investigation(Value):
    """One investigation at work."""

    incident: Incident
    agents: tuple[AtWork, ...]
    asked: str
    """The last question between agents; empty before the first."""
    thinks: str
    """The last word on hypotheses; empty before the first."""
    worker: str
    """`host:pid` that has it, or that it waits for one."""
    budget: tuple[Spent, ...]


class Working(Value):
    """Everything at work."""

    investigating: tuple[Investigation, ...]
    changing: tuple[Incident, ...]
    """Executing or verifying."""
    waiting: tuple[Incident, ...]
    """For a decision."""
    stoppable: frozenset[Phase] = STOPPABLE

    @property
    def busy(self) -> int:
        """Agents at work now."""
        return sum(agent.activity is Activity.WORKING for one in self.investigating for agent in one.agents)


def working(
    incidents: Sequence[Incident],
    *,
    said: Mapping[IncidentId, tuple[TimelineEvent, ...]],
    used: Mapping[IncidentId, Used],
    budget: Budget,
    model: Model,
) -> Working:
    """Put it together; incidents that nobody works on are left out."""
    return Working(
        investigating=tuple(
            _investigation(incident, said.get(incident.id, ()), used[incident.id], budget=budget, model=model)
            for incident in incidents
            if incident.phase in (Phase.OPEN, Phase.INVESTIGATING)
        ),
        changing=tuple(i for i in incidents if i.phase in (Phase.EXECUTING, Phase.VERIFYING)),
        waiting=tuple(i for i in incidents if i.phase is Phase.AWAITING_DECISION),
    )


def _investigation(
    incident: Incident, lines: Sequence[TimelineEvent], used: Used, *, budget: Budget, model: Model
) -> Investigation:
    questions = [line.text for line in lines if line.kind is EventKind.QUESTION]
    thoughts = [line.text for line in lines if line.kind is EventKind.HYPOTHESIS]
    return Investigation(
        incident=incident,
        agents=tuple(_agent(name, lines) for name in TEAM),
        asked=questions[-1] if questions else "",
        thinks=thoughts[-1] if thoughts else "",
        worker=used.owner.rpartition(":")[0] or NOBODY,
        budget=_budget(used, budget=budget, model=model),
    )


def _agent(name: AgentName, lines: Sequence[TimelineEvent]) -> AtWork:
    last, steps = last_and_steps(name, lines)
    return AtWork(
        name=name,
        activity=activity_of(steps),
        doing=last.text if last else "not asked yet",
        since=last.at if last else None,
    )


def _budget(used: Used, *, budget: Budget, model: Model) -> tuple[Spent, ...]:
    lines = [
        _spent("rounds", used.rounds, budget.rounds, f"{used.rounds}", f"{budget.rounds}"),
        _spent("probes", used.probes, budget.probes, f"{used.probes}", f"{budget.probes}"),
        _spent("agent time", used.seconds, budget.seconds, duration(used.seconds), duration(budget.seconds)),
    ]
    if model.name:
        lines += [
            _spent("model calls", used.calls, model.max_calls, f"{used.calls}", f"{model.max_calls}"),
            _spent("tokens", used.tokens, model.max_tokens, f"{used.tokens:,}", f"{model.max_tokens:,}"),
            _spent("money", used.usd, model.max_usd, f"{used.usd:.3f} $", f"{model.max_usd:.2f} $"),
        ]
    return tuple(lines)


def _spent(name: str, used: float, limit: float, said: str, bound: str) -> Spent:
    return Spent(name=name, used=said, limit=bound, share=min(1.0, used / limit) if limit else float(used > 0))
