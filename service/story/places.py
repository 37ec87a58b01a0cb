"""Addresses of the console in a draft: there they have no host; whoever takes the draft away needs it. Pure."""

import re

PLACES = re.compile(r"(?m)(^\[\d+\]: |\]\()(?=/(?:incidents|audit)\b)")
"""Where a draft leads into the console: definitions of its sources, and times of its timeline."""


def absolute(text: str, *, base: str) -> str:
    """The draft with the console's address before every place in it."""
    return PLACES.sub(lambda found: f"{found[1]}{base}", text)
