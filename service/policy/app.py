"""The commands of `midwatch policy` and `midwatch people`. They import what they need when they run."""

from pathlib import Path
from typing import Annotated

import typer

policy = typer.Typer(help="Who may approve what: check it, test it, ask it why.", no_args_is_help=True)
people = typer.Typer(help="Who is who.", no_args_is_help=True)

Folder = Annotated[Path | None, typer.Argument(help="A policy's folder or file; the one in use when not given.")]


@policy.command("lint")
def lint(folder: Folder = None) -> None:
    """Name what is wrong with file, line and what to write instead. Exit code 1 when something is."""
    from service.policy.testing import lint_command

    raise typer.Exit(lint_command(folder))


@policy.command("test")
def ask_cases(folder: Folder = None) -> None:
    """Ask the policy the cases that stand beside it (cases.yaml). Exit code 1 when a verdict is another one."""
    from service.policy.testing import test_command

    raise typer.Exit(test_command(folder))


@policy.command("explain")
def explain(
    digest: Annotated[str, typer.Argument(help="Digest of a proposal, or the beginning of it.")] = "",
    *,
    action: Annotated[
        str, typer.Option(help="Instead of a proposal: a kind of action, such as rollback_workload.")
    ] = "",
    target: Annotated[str, typer.Option(help="What it would change: prod-eu/shop/deployment/checkout.")] = "",
    pods: Annotated[int, typer.Option(help="How many pods it would touch.")] = 1,
    confidence: Annotated[float, typer.Option(help="How sure the diagnosis would be, 0 to 1.")] = 1.0,
    cost: Annotated[float | None, typer.Option(help="What it would cost more, in USD an hour.")] = None,
    undo: Annotated[str, typer.Option(help="exact, compensated or irreversible.")] = "exact",
    cause: Annotated[str, typer.Option(help="The diagnosed cause.")] = "",
    at: Annotated[str, typer.Option(help="At another time: 2026-12-24T03:00:00+01:00.")] = "",
    policy_path: Annotated[Path | None, typer.Option("--policy", help="Another policy's folder or file.")] = None,
) -> None:
    """Say which row decides, why no other one does, what makes it harder, and what would be needed."""
    from service.policy.explaining import Asked, explain_command

    asked = Asked(
        digest=digest,
        action=action,
        target=target,
        pods=pods,
        confidence=confidence,
        cost=cost,
        undo=undo,
        cause=cause,
        at=at,
        policy=policy_path,
    )
    raise typer.Exit(explain_command(asked))


@people.command("list")
def people_list() -> None:
    """Everybody with their roles, and how they come in."""
    from service.policy.people import list_command

    raise typer.Exit(list_command())


@people.command("token")
def people_token() -> None:
    """Make a token, and what stands for it in people.yaml."""
    from service.policy.people import token_command

    raise typer.Exit(token_command())
