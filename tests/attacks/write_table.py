"""Writes the table of attacks into docs/security.md: `python -m tests.attacks.write_table`."""

from __future__ import annotations

from pathlib import Path

from tests.attacks.attack import table

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
BEGIN, END = "<!-- attacks -->\n", "<!-- /attacks -->\n"
HEAD = "| id | attack | how it is tried | what stops it | result |\n|---|---|---|---|---|\n"


def written(page: str) -> str:
    """The page with the table as the code has it. Raises ValueError when its place is not marked."""
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    rows = "".join(f"{attack.row}\n" for attack in table())
    return f"{before}{BEGIN}{HEAD}{rows}{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
