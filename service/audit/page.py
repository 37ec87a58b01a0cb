"""An evidence pack as one page that needs nothing else: no script, no network, readable on paper."""

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from incidents.card import CardLine
from service.audit.controls import CLASSIFICATION
from service.audit.pack import EvidencePack
from service.audit.wording import about
from service.story.story import story_of
from service.story.words import FILTERS

HERE = Path(__file__).parent


def page_of(pack: EvidencePack) -> str:
    """The page."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.filters["about"] = about
    environment.filters["pretty"] = _pretty
    environment.filters["together"] = together
    return environment.get_template("pack.html").render(
        pack=pack,
        record=pack.record,
        story=story_of(pack.record),
        decided={shown.decision: shown for shown in pack.cards},
        proposed={card.proposal: card for card in pack.proposed},
        classification=CLASSIFICATION,
    )


def together(lines: tuple[CardLine, ...]) -> list[tuple[str, list[str]]]:
    """Lines that have one label, under it."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if found and found[-1][0] == line.label:
            found[-1][1].append(line.text)
        else:
            found.append((line.label, [line.text]))
    return found


def _pretty(text: str) -> str:
    """JSON with line breaks; anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=1, ensure_ascii=False)
    except ValueError:
        return text
