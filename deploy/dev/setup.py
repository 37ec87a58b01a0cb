"""What `make setup` does, with nothing but the standard library: called by the Makefile through the script `setup`.

`setup.py test` prepares everything that tests, lint and the demo need; `setup.py demo` the virtual environment only.
`setup.py where` prints the environment's folder; `setup.py clean` removes environments that nothing needs any more.
The second run finds everything done and takes a fraction of a second.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import cache
import controlplane
import debian
import environment


def prepare_demo() -> None:
    """Prepare what the product itself needs."""
    with cache.only_one():
        environment.ensure(dev=False)


def prepare_tests() -> None:
    """Prepare what tests and lint need as well, and say by name what will have to be skipped."""
    with cache.only_one():
        environment.ensure(dev=True)
        for sentence in (*debian.ensure(), *controlplane.ensure()):
            print(f"note: {sentence}")


def print_where() -> None:
    """Print the folder of the virtual environment."""
    print(cache.venv_folder())


def remove_unneeded() -> None:
    """Remove environments of checkouts that are gone, and of this checkout with another lock."""
    with cache.only_one():
        for folder in sorted((cache.folder() / "venvs").glob("*")):
            made_for = folder / ".made-created"
            checkout = made_for.read_text() if made_for.is_file() else ""
            gone = not (checkout and (Path(checkout) / "pyproject.toml").is_file())
            if gone or (checkout == str(cache.CHECKOUT) and folder != cache.venv_folder()):
                print(f"Removing {folder}")
                shutil.rmtree(folder)


COMMANDS = {"demo": prepare_demo, "test": prepare_tests, "where": print_where, "clean": remove_unneeded}


def main(arguments: list[str]) -> int:
    """Run one command; 0 when everything that must be there is there."""
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: setup {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    try:
        COMMANDS[arguments[0]]()
    except environment.CannotSetUpError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
