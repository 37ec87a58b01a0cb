"""`midwatch audit key|rotate`."""

from rich.console import Console

from incidents.heads import PublicKey
from orchestrator.audit.keys import UnusableKeyError
from orchestrator.audit.places import key_files
from orchestrator.settings import load


def key_command() -> int:
    """Show the key; 2 when there is none that can be used."""
    settings, console = load(), Console()
    files = key_files(settings)
    try:
        signing, known = files.load(settings.time.now()).public, files.known()
    except UnusableKeyError as error:
        Console(stderr=True).print(f"{error}\nA worker or an executor makes one when it starts.", markup=False)
        return 2
    _print(console, signing)
    for old in known:
        if old.id != signing.id:
            console.print(f"before: {old.key}  {old.id}, since {old.at:%Y-%m-%d %H:%M} UTC", markup=False)
    return 0


def rotate_command() -> int:
    """Change the key; 2 when there is none that can be used."""
    settings, console = load(), Console()
    try:
        new = key_files(settings).rotate(settings.time.now()).public
    except (UnusableKeyError, OSError) as error:
        Console(stderr=True).print(f"{error}", markup=False)
        return 2
    _print(console, new)
    console.print("Running workers and executors use it after their next start.", style="yellow")
    return 0


def _print(console: Console, key: PublicKey) -> None:
    console.print(key.key, markup=False)
    follows = f", follows {key.previous}" if key.previous else ""
    console.print(f"{key.id}, signs since {key.at:%Y-%m-%d %H:%M} UTC{follows}", style="dim", markup=False)
