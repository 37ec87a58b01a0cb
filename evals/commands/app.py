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
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=RunsByDefault,
    help="Know how good the diagnosis is: scenarios and benchmarks. Without a command: run.",
)

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the whole run to this file as JSON.")]
Workers = Annotated[int, typer.Option("-j", "--jobs", min=1, help="Processes that work at the same time.")]


@app.command()
def check(
    scenarios: Annotated[
        list[str] | None, typer.Argument(help="Files, folders or families of scenarios; the library when not given.")
    ] = None,
) -> None:
    """Read scenarios and name every problem with file, line and field."""
    from evals.commands.check import check_command

    raise typer.Exit(check_command(tuple(scenarios or ())))


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
    json_file: JsonFile = None,
) -> None:
    """Run scenarios or a benchmark, and print what was right, per family, and why the rest was wrong."""
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
    )
    raise typer.Exit(run_command(options))
