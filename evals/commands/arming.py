"""The arms of a run: which engines are compared, which model argues, and where its words are kept or come from."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evals.harness.arms import Arm, ModelChoice, read_calls, write_calls
from evals.harness.result import CaseResult
from evals.scores.suite import Suite
from incidents.value import Value
from orchestrator.settings import load

COMPARED = ("right", "AC@1", "AC@3", "healed", "harmed", "quiet", "abstained", "ECE", "tokens", "usd", "model calls")
"""What engines are compared by, as far as a run has it."""


class ArmsError(ValueError):
    """The arms cannot be run: the message says what to write instead."""


class Arms(Value):
    """What the command line said of engines."""

    names: str = Arm.RULES.value
    model: str = ""
    replay: Path | None = None
    record: Path | None = None

    @property
    def chosen(self) -> tuple[Arm, ...]:
        """In the order given, each once. Raises ArmsError."""
        known = {arm.value: arm for arm in Arm}
        names = [name.strip() for name in self.names.split(",") if name.strip()]
        if unknown := [name for name in names if name not in known]:
            raise ArmsError(f"--arms: there is no arm {unknown[0]!r}; write some of {', '.join(known)}")
        if not names:
            raise ArmsError(f"--arms: name at least one of {', '.join(known)}")
        return tuple(dict.fromkeys(known[name] for name in names))

    @property
    def choice(self) -> ModelChoice | None:
        """Whose model argues; None where no arm needs one. Raises ArmsError, and TapeError for a bad recording."""
        if self.chosen == (Arm.RULES,):
            return None
        settings = load().model
        if self.model:
            settings = settings.model_copy(update={"name": self.model})
        if not settings.name:
            raise ArmsError("the arms model and model-alone need a model: --model provider:name, or MIDWATCH_MODEL")
        if self.replay is not None:
            read_calls(self.replay)
        return ModelChoice(settings=settings, replay=self.replay)

    def keep(self, results: Iterable[CaseResult], console: Console) -> None:
        """Write what models said, where that was asked for."""
        if self.record is None:
            return
        kept = write_calls(self.record, (call for result in results for call in result.calls))
        told = f"{self.record}: {kept} calls; run them again without a key: --replay-model {self.record}"
        console.print(told, markup=False, soft_wrap=True)


def compared(suites: Sequence[tuple[Arm, Suite]]) -> Table:
    """The engines side by side over the same cases."""
    names = [name for name in COMPARED if any(name in suite.metrics for _, suite in suites)]
    table = Table("engine", *names, title="the same cases, engine by engine")
    for arm, suite in suites:
        figures = [suite.metrics.get(name) for name in names]
        table.add_row(arm.value, *("-" if figure is None else f"{figure.value:.3g}" for figure in figures))
    return table
