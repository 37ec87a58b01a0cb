"""The command line: `midwatch ...`. Commands import what they need when they run, so that `--help` is quick."""

import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from evals.commands.app import app as evals
from service.audit.app import app as audit
from service.outermost import ended
from service.policy.app import people, policy

app = typer.Typer(
    name="midwatch",
    help="Takes alerts, finds the cause, proposes a typed fix, executes what was approved, checks that it helped.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
runbooks = typer.Typer(help="The causes that Midwatch knows, as markdown.", no_args_is_help=True)
incidents = typer.Typer(help="Incidents and what became of them.", no_args_is_help=True)
app.add_typer(runbooks, name="runbooks")
app.add_typer(incidents, name="incidents")
app.add_typer(audit, name="audit")
app.add_typer(policy, name="policy")
app.add_typer(people, name="people")
app.add_typer(evals, name="eval")

Folders = Annotated[list[Path] | None, typer.Argument(help="Folders with runbooks; those in use when not given.")]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the result to this file as JSON.")]


def _version(*, wanted: bool) -> None:
    if not wanted:
        return
    try:
        typer.echo(f"midwatch {version('midwatch')}")
    except PackageNotFoundError:
        typer.echo("midwatch, from a checkout that is not installed")
    raise typer.Exit


@app.callback()
def midwatch(
    *,
    version_wanted: Annotated[
        bool, typer.Option("--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Take alerts, find the cause, propose a typed fix, execute what was approved, check that it helped."""
    del version_wanted


@app.command()
def serve() -> None:
    """Run Midwatch: webhook, console, workers and executor, as far as MIDWATCH_ROLES says."""
    from service.commands.run import run

    raise typer.Exit(run())


@app.command()
def worker() -> None:
    """Run a worker only: it shares the work of all others on the same database."""
    from service.commands.run import run

    raise typer.Exit(run("worker"))


@app.command()
def executor() -> None:
    """Run the executor only: the one process that needs write credentials."""
    from service.commands.run import run

    raise typer.Exit(run("executor"))


@app.command()
def demo(
    *,
    headless: Annotated[bool, typer.Option("--headless", help="Decide by the API, not by a person.")] = False,
    json_file: JsonFile = None,
    scenario: Annotated[Path | None, typer.Option(help="Another scenario than the reference incident.")] = None,
    rate: Annotated[
        float, typer.Option(min=0.1, max=1000, help="How much faster than real time the demo's clock runs.")
    ] = 10.0,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the console; another one is taken when it is in use.")
    ] = 8484,
) -> None:
    """The reference incident, 2:47 at night, from alert to post-mortem, against a served world."""
    from service.demo.command import Options, demo_command

    options = Options(headless=headless, json_file=json_file, scenario=scenario, rate=rate, port=port)
    raise typer.Exit(demo_command(options))


@app.command()
def doctor(*, json_file: JsonFile = None) -> None:
    """Check every connection and permission; say what Midwatch can see and do here, and what it cannot."""
    from service.commands.doctor import doctor_command

    raise typer.Exit(doctor_command(json_file=json_file))


@app.command()
def pause(
    reason: Annotated[str, typer.Option(prompt="Why", help="Shown to everybody and recorded.")],
    *,
    lasting: Annotated[str, typer.Option("--for", help="30m, 2h, 1d; until somebody resumes when not given.")] = "",
) -> None:
    """Stop executing at once, everywhere, across restarts. Investigations go on."""
    from service.commands.switch import switch

    raise typer.Exit(switch(paused=True, reason=reason, lasting=lasting))


@app.command()
def resume(reason: Annotated[str, typer.Option(prompt="Why", help="Shown to everybody and recorded.")]) -> None:
    """Allow execution again."""
    from service.commands.switch import switch

    raise typer.Exit(switch(paused=False, reason=reason))


@app.command()
def autonomy(
    *,
    days: Annotated[float, typer.Option(min=1, help="How far back the record is read.")] = 180,
    confidence: Annotated[float, typer.Option(min=0.5, max=0.999, help="Of the lower bound.")] = 0.95,
    json_file: JsonFile = None,
) -> None:
    """Show what became of each kind of change, and a lower bound on its success: what autonomy would rest on."""
    from service.commands.autonomy import autonomy_command

    raise typer.Exit(autonomy_command(days=days, confidence=confidence, json_file=json_file))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="An export: `midwatch incidents export ID` writes it.")],
    *,
    runbooks: Annotated[
        list[Path] | None, typer.Option("--runbooks", help="Folder with runbooks to try besides those shipped.")
    ] = None,
    policy: Annotated[Path | None, typer.Option(help="A policy file in place of the recorded policy.")] = None,
    model: Annotated[str, typer.Option(help="Let this model argue (`provider:model`), whoever argued then.")] = "",
    json_file: JsonFile = None,
    fail: Annotated[bool, typer.Option("--fail-on-difference", help="Exit 1 when anything is different.")] = False,
) -> None:
    """Run a handled incident again offline, and show what would be different. Nothing is asked of any system."""
    from evals.replay.command import Options, replay_command

    options = Options(
        file=file,
        runbooks=tuple(runbooks or ()),
        policy=policy,
        model=model,
        json_file=json_file,
        fail_on_difference=fail,
    )
    raise typer.Exit(replay_command(options))


@app.command()
def digest(
    *,
    days: Annotated[int, typer.Option(min=1, max=366, help="How far back it reaches.")] = 7,
    json_file: JsonFile = None,
) -> None:
    """The last days in a few lines: incidents, times, waiting for people, what came again."""
    from service.commands.digest import digest_command

    raise typer.Exit(digest_command(days=days, json_file=json_file))


@app.command()
def bench(
    *,
    json_file: Annotated[Path, typer.Option("--json", help="Where the figures go.")] = Path("build/bench.json"),
    only: Annotated[list[str] | None, typer.Option(help="Names of benchmarks; all when not given.")] = None,
) -> None:
    """Measure: alerts per second, webhook to proposal, overhead of the graph, start-up."""
    from service.bench.command import bench_command

    raise typer.Exit(bench_command(json_file=json_file, only=tuple(only or ())))


@runbooks.command("lint")
def runbooks_lint(
    folders: Folders = None,
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
) -> None:
    """Name every problem with file, line and what to write instead."""
    from service.commands import books

    raise typer.Exit(books.lint(folders, strict=strict))


@runbooks.command("list")
def runbooks_list(folders: Folders = None) -> None:
    """What each runbook teaches, for which alerts, and what repairs it."""
    from service.commands import books

    raise typer.Exit(books.show(folders))


@runbooks.command("match")
def runbooks_match(
    alerts: Annotated[list[str] | None, typer.Argument(help="Names of alerts.")] = None,
    *,
    url: Annotated[list[str] | None, typer.Option(help="A runbook_url as alerts carry it.")] = None,
    fact: Annotated[list[str] | None, typer.Option(help="A fact kind, such as container.oom_killed.")] = None,
) -> None:
    """Which runbooks belong to these alerts, links or facts, and why."""
    from service.commands import books

    raise typer.Exit(books.match(alerts or [], urls=url or [], facts=fact or []))


Word = Annotated[str, typer.Argument(help="Only what speaks of this word, such as memory.")]


@runbooks.command("facts")
def runbooks_facts(word: Word = "") -> None:
    """What a runbook may say of what is seen: every kind of fact, what it means, and its attributes."""
    from service.commands import books

    raise typer.Exit(books.facts(word))


@runbooks.command("actions")
def runbooks_actions(word: Word = "") -> None:
    """What a runbook may propose: every kind of action, what it can be done to, and its arguments."""
    from service.commands import books

    raise typer.Exit(books.actions(word))


@runbooks.command("new")
def runbooks_new(
    title: Annotated[str, typer.Argument(help="What is wrong, in words: `Queue consumer stuck`.")],
    *,
    folder: Annotated[Path, typer.Option(help="Where it is written.")] = Path("runbooks"),
    slug: Annotated[str, typer.Option(help="File name; made of the title when not given.")] = "",
    scope: Annotated[str, typer.Option(help="What the cause is bound to.")] = "workload",
    alert: Annotated[list[str] | None, typer.Option(help="An alert that announces it.")] = None,
) -> None:
    """Start a runbook."""
    from service.commands import books

    raise typer.Exit(books.new(title, folder=folder, slug=slug, scope=scope, alerts=alert or []))


@incidents.command("list")
def incidents_list(*, everything: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False) -> None:
    """Incidents, newest first."""
    from service.commands import cases

    raise typer.Exit(cases.show_list(everything=everything))


@incidents.command("show")
def incidents_show(incident: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """The story of one incident."""
    from service.commands import cases

    raise typer.Exit(cases.show_one(incident))


@incidents.command("export")
def incidents_export(
    incident: Annotated[str, typer.Argument(help="Its id.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder, or file, to write to.")] = Path(),
) -> None:
    """Write what was asked, answered and proposed into one file, for `midwatch replay` and `midwatch eval import`."""
    from service.commands import cases

    raise typer.Exit(cases.export_one(incident, out=out))


@incidents.command("ticket")
def incidents_ticket(
    incident: Annotated[str, typer.Argument(help="Its id.")],
    *,
    to: Annotated[str, typer.Option(help="github or webhook; may be left out where only one is configured.")] = "",
) -> None:
    """File what is left to do as a ticket (`tickets` in the settings), once; says where it is."""
    from service.commands import tickets

    raise typer.Exit(tickets.file(incident, to=to))


def main() -> None:
    """Entry point of the `midwatch` script."""
    sys.exit(ended(app))


if __name__ == "__main__":
    main()
