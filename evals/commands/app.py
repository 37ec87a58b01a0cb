"""`midwatch eval ...`: the options only. What a command needs is imported when it runs, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup


class RunsByDefault(TyperGroup):
    """`midwatch eval evals/scenarios/nodes` is `midwatch eval run evals/scenarios/nodes`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` in front of what is no command."""
        if not args or (args[0] not in self.commands and args[0] != "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, with_seed(args))


def with_seed(args: list[str]) -> list[str]:
    """`--renamed` alone is `--renamed 1`."""
    bare = [place for place, word in enumerate(args) if word == "--renamed" and not _number(args, place + 1)]
    for place in reversed(bare):
        args = [*args[: place + 1], "1", *args[place + 1 :]]
    return args


def _number(args: list[str], place: int) -> bool:
    return place < len(args) and args[place].isdigit()


app = typer.Typer(
    cls=RunsByDefault,
    help="Know how good the diagnosis is: scenarios and benchmarks. Without a command: run.",
)

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the whole run to this file as JSON.")]
Workers = Annotated[int, typer.Option("-j", "--jobs", min=1, help="Processes that work at the same time.")]


@app.command()
def new(
    family: Annotated[str, typer.Argument(help="Its folder: `nodes`, or a new one.")],
    name: Annotated[str, typer.Argument(help="Its name in small letters: `general-node-lost`.")],
    *,
    folder: Annotated[Path | None, typer.Option(help="Where families lie; the library when not given.")] = None,
) -> None:
    """Start a scenario: a file that loads, with a comment on every line that you have to change."""
    from evals.commands.new import new_command

    raise typer.Exit(new_command(family, name, folder=folder))


@app.command()
def check(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Files, folders or families of scenarios; the library when not given.")
    ] = None,
) -> None:
    """Read scenarios and name every problem with file, line and field."""
    from evals.commands.check import check_command

    raise typer.Exit(check_command(tuple(scenarios or ())))


@app.command("import")
def import_(
    export: Annotated[Path, typer.Argument(help="An export: `midwatch incidents export ID` writes it.")],
    *,
    to: Annotated[Path, typer.Option(help="Folder for the scenario and its recording.")] = Path("scenarios/incidents"),
) -> None:
    """Turn a handled incident into a scenario. Confirm its truth before it counts."""
    from evals.commands.importing import import_command

    raise typer.Exit(import_command(export, folder=to))


@app.command()
def run(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Files, folders or families of scenarios; the library when not given.")
    ] = None,
    *,
    dataset: Annotated[str, typer.Option(help="A benchmark: its name, such as rcd.")] = "",
    path: Annotated[Path | None, typer.Option(help="The benchmark's folder.")] = None,
    workers: Workers = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="Only that many cases, spread over the set.")] = None,
    case: Annotated[list[str] | None, typer.Option(help="Only this case; may be given several times.")] = None,
    family: Annotated[list[str] | None, typer.Option(help="Only this family; may be given several times.")] = None,
    renamed: Annotated[
        int | None, typer.Option(help="Give everything another name by this seed (1 when none is given).")
    ] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Play every scenario that often and compare the answers.")] = 1,
    baseline: Annotated[Path | None, typer.Option(help="Compare with what an earlier run reached.")] = None,
    fail_on_regression: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit code 1 when a figure fell behind the baseline.")
    ] = False,
    write_baseline: Annotated[Path | None, typer.Option(help="Keep this run as a baseline.")] = None,
    arms: Annotated[
        str, typer.Option(help="Engines to compare on the same cases: rules, model, model-alone; commas between.")
    ] = "rules",
    model: Annotated[str, typer.Option(help="The model of the other arms: `provider:model`; else the settings'.")] = "",
    record_model: Annotated[Path | None, typer.Option(help="Keep what the model says in this file.")] = None,
    replay_model: Annotated[Path | None, typer.Option(help="Say again what is in this file; ask no model.")] = None,
    json_file: JsonFile = None,
    html_file: Annotated[Path | None, typer.Option("--html", help="Write the run as a page to look at.")] = None,
) -> None:
    """Run scenarios or a benchmark, and print what was right, per family, and why the rest was wrong."""
    if workers > 1:  # its imports take as long as ours: both at the same time
        from evals.harness.forking import begin_importing

        begin_importing("evals.harness.recorded" if dataset else "evals.harness.episode")
    from orchestrator.garbage import importing

    with importing():
        from evals.commands.arming import Arms
        from evals.commands.run import Options, run_command

    options = Options(
        scenarios=tuple(scenarios or ()),
        dataset=dataset,
        path=path,
        workers=workers,
        limit=limit,
        cases=tuple(case or ()),
        families=tuple(family or ()),
        json_file=json_file,
        html_file=html_file,
        renamed=renamed,
        repeat=repeat,
        baseline=baseline,
        fail_on_regression=fail_on_regression,
        write_baseline=write_baseline,
        arms=Arms(names=arms, model=model, replay=replay_model, record=record_model),
    )
    raise typer.Exit(run_command(options))
