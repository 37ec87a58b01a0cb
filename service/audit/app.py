"""The commands of `midwatch audit`. They import what they need when they run, so that `--help` is quick."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="The record that nobody can quietly change.", no_args_is_help=True)

JsonFile = Annotated[Path | None, typer.Option("--json", help="Write the result to this file as JSON.")]
Keys = Annotated[
    list[str] | None,
    typer.Option("--public-key", help="The only keys that count: base64, or files. Else those of this machine."),
]


@app.command()
def verify(
    path: Annotated[
        Path | None,
        typer.Argument(help="An exported ledger or evidence pack, checked offline; else the ledger in use."),
    ] = None,
    *,
    heads: Annotated[
        list[Path] | None, typer.Option("--heads", help="Signed heads that were kept elsewhere (one JSON per line).")
    ] = None,
    public_key: Keys = None,
    head: Annotated[str, typer.Option(help="A hash of an earlier check that has to occur in the chain.")] = "",
    signed: Annotated[
        bool, typer.Option("--signed", help="Exit 3 when it holds but no key that counts vouches for it.")
    ] = False,
    json_file: JsonFile = None,
) -> None:
    """Check every link and every signed head. Exit 0: it holds; 1: it does not; 2: it could not be checked."""
    from service.audit.verifying import Wanted, verify_command

    wanted = Wanted(
        path=path,
        heads=tuple(heads or ()),
        public_keys=tuple(public_key or ()),
        head=head,
        signed=signed,
        json_file=json_file,
    )
    raise typer.Exit(verify_command(wanted))


@app.command()
def show(
    incident: Annotated[str, typer.Argument(help="Id of an incident.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Whole entries, one JSON object per line.")] = False,
) -> None:
    """What the ledger holds of one incident: who did what when, and what was decided on what grounds."""
    from service.audit.showing import show_command

    raise typer.Exit(show_command(incident, as_json=as_json))


@app.command()
def export(
    incident: Annotated[str, typer.Argument(help="Id of an incident; the whole ledger when not given.")] = "",
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
) -> None:
    """Write an evidence pack (JSON, a page to read, a signed manifest), or the whole ledger with its signed heads."""
    from service.audit.handing_over import export_command

    raise typer.Exit(export_command(incident, out=out))


@app.command()
def key() -> None:
    """Show the public key that signs here, for `--public-key` and MIDWATCH_AUDIT__PUBLIC_KEYS elsewhere."""
    from service.audit.keys import key_command

    raise typer.Exit(key_command())


@app.command()
def rotate() -> None:
    """Make a new signing key that the old one vouches for. The old public key is kept, the old private key is not."""
    from service.audit.keys import rotate_command

    raise typer.Exit(rotate_command())
