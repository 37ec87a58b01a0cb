"""A contract for import-linter: each third-party library has owners, and nobody else imports it.

import-linter's own contracts forbid; this one allows, so that a library nobody thought of is found the day it is imported.
The list of owners stands in pyproject.toml; test_floors.py shows that the contract bites.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from importlinter import Contract, ContractCheck, fields, output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grimp import ImportGraph


@dataclass(frozen=True, kw_only=True)
class Trespass:
    """One import of a library by a module that does not own it."""

    importer: str
    line: int
    library: str
    owners: Sequence[str]

    def __str__(self) -> str:
        """Say where, what, and who may."""
        allowed = f"which only {', '.join(self.owners)} may" if self.owners else "which has no owners in pyproject.toml"
        return f"{self.importer}:{self.line} imports {self.library}, {allowed}"


class OwnedLibraries(Contract):
    """Field `owners`: lines of `library: pattern, pattern`, matched against the importing module's full name."""

    type_name = "owned_libraries"

    owners = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002 - import-linter's signature
        """Compare every import of every library with its list of owners."""
        owners = dict(_parsed(line) for line in self.owners)  # type: ignore[attr-defined]
        found = sorted(_trespasses(graph, owners=owners), key=str)
        return ContractCheck(kept=not found, metadata={"trespasses": found})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line for each trespass."""
        for trespass in check.metadata["trespasses"]:
            output.print_error(f"- {trespass}", bold=False)


def _parsed(line: str) -> tuple[str, Sequence[str]]:
    library, _, patterns = line.partition(":")
    return library.strip(), tuple(pattern.strip() for pattern in patterns.split(","))


def _trespasses(graph: ImportGraph, *, owners: Mapping[str, Sequence[str]]) -> Iterator[Trespass]:
    for library in graph.modules:
        if not graph.is_module_squashed(library) or library in sys.stdlib_module_names:
            continue
        allowed = owners.get(library, ())
        for importer in graph.find_modules_that_directly_import(library):
            if not any(fnmatchcase(importer, pattern) for pattern in allowed):
                details = graph.get_import_details(importer=importer, imported=library)
                yield Trespass(importer=importer, line=details[0]["line_number"], library=library, owners=allowed)
