"""Read-only probes as tools of a model. Every question goes through the desk, which keeps, redacts and bounds."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.model.prompt import fenced
from agents.specialist import Desk
from incidents.evidence import Evidence
from incidents.ids import EvidenceId
from incidents.value import Value
from tools.probe import Probe, probes

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

SHOWN = 8_000
"""Characters of one observation that a model is shown; it can ask again, narrower."""


class EvidenceArgs(Value):
    """Which observation to read."""

    id: str
    """`ev-...` as the case lists it."""


class Toolbox:
    """The tools of one conversation, and what was seen through them."""

    def __init__(self, desk: Desk, *, known: Mapping[EvidenceId, Evidence]) -> None:
        """`known` is the evidence of the case."""
        self.desk = desk
        self._known = dict(known)
        self.asked = 0

    @property
    def evidence(self) -> dict[EvidenceId, Evidence]:
        """What may be cited: the case's evidence and what was seen since."""
        return {**self._known, **{seen.evidence.id: seen.evidence for seen in self.desk.observations}}

    def tools(self) -> "list[BaseTool]":
        """One tool per probe, and one that reads an observation of the case in full."""
        from langchain_core.tools import StructuredTool

        reading = StructuredTool.from_function(
            coroutine=self._read,
            name="read_evidence",
            description="Read an observation of the case in full. Ask when its title alone does not tell enough.",
            args_schema=EvidenceArgs,
        )
        return [reading, *(self._tool(probe) for probe in probes().values())]

    def _tool(self, probe: Probe[Any, Any]) -> "BaseTool":
        from langchain_core.tools import StructuredTool

        async def run(**arguments: object) -> str:
            return await self._ask(probe, probe.args.model_validate(arguments))

        return StructuredTool.from_function(
            coroutine=run,
            name=probe.name.replace(".", "_"),
            description=probe.describe,
            args_schema=probe.args,
            handle_validation_error=_misfit,
        )

    async def _ask(self, probe: Probe[Any, Any], args: Value) -> str:
        self.asked += 1
        before = len(self.desk.gaps)
        seen = await self.desk.observe(probe, args)
        if seen is None:
            missed = self.desk.gaps[before:] or self.desk.gaps[-1:]
            return f"Could not be seen: {'; '.join(gap.why for gap in missed) or 'no reason was given'}"
        return _shown(seen.evidence)

    async def _read(self, id: str) -> str:  # noqa: A002 - the name that the model sees
        found = self.evidence.get(EvidenceId(id))
        return _shown(found) if found else f"There is no observation {id[:60]!r}."


def _shown(evidence: Evidence) -> str:
    cut = f"\n(cut: {evidence.cut})" if evidence.cut else ""
    more = "\n(the rest is not shown: ask narrower)" if len(evidence.body) > SHOWN else ""
    head = f"Observation {evidence.id}, observed at {evidence.observed_at.isoformat()}:"
    return f"{head}\n{fenced(evidence.body[:SHOWN])}{cut}{more}"


def _misfit(error: Exception) -> str:
    return f"These arguments do not fit: {error}"
