"""Draws the neighbourhood: callers left, the culprit in the middle, what it calls on the right, the failing path."""

from collections.abc import Iterable, Mapping, Sequence

from incidents.entity import Entity
from incidents.ids import EntityId
from incidents.value import Value
from service.story.words import name
from service.web.pictures.neighbourhood import Link, Neighbourhood, Node, Part
from service.web.pictures.svg import element, fitted, picture, text, title

WIDTH = 860.0
NODE_WIDTH = 158.0
NODE_HEIGHT = 44.0
GAP = 16.0
MARGIN = 8.0


class Box(Value):
    """Where a node stands."""

    node: Node
    x: float
    y: float

    @property
    def middle(self) -> float:
        """Height of its middle."""
        return self.y + NODE_HEIGHT / 2


def graph(content: Neighbourhood) -> str:
    """The picture as SVG."""
    boxes = _placed(content)
    height = max(box.y for box in boxes.values()) + NODE_HEIGHT + MARGIN
    links = sorted(content.links, key=lambda link: link.failing)
    drawn = [*_heads(), *(_link(link, boxes) for link in links), *(_box(box) for box in boxes.values())]
    return picture(drawn, width=WIDTH, height=height, label=_words(content), class_="graph")


def _placed(content: Neighbourhood) -> Mapping[EntityId, Box]:
    numbers = sorted({node.layer for node in content.nodes})
    columns = [_ordered([n for n in content.nodes if n.layer == number], content.links) for number in numbers]
    tallest = max(len(column) for column in columns)
    step = (WIDTH - NODE_WIDTH - 2 * MARGIN) / max(1, len(columns) - 1)
    boxes = {}
    for place, column in enumerate(columns):
        left = MARGIN + place * step if len(columns) > 1 else (WIDTH - NODE_WIDTH) / 2
        top = MARGIN + (tallest - len(column)) * (NODE_HEIGHT + GAP) / 2
        for row, node in enumerate(column):
            boxes[node.entity] = Box(node=node, x=left, y=top + row * (NODE_HEIGHT + GAP))
    return boxes


def _ordered(column: Sequence[Node], links: Sequence[Link]) -> list[Node]:
    """Those on the failing path first, so that its lines do not cross the others."""
    failing = {entity for link in links if link.failing for entity in (link.source, link.target)}
    return sorted(column, key=lambda node: (node.entity not in failing, list(Part).index(node.part), node.entity))


def _heads() -> Iterable[str]:
    for key, class_ in (("head", "g-head"), ("head-failing", "g-head-failing")):
        arrow = element("path", d="M0 0 L7 3.5 L0 7 Z", class_=class_)
        marker = element(
            "marker", arrow, id=key, markerWidth=7, markerHeight=7, refX=6.5, refY=3.5, orient="auto",
            markerUnits="userSpaceOnUse",
        )  # fmt: skip
        yield element("defs", marker)


def _link(link: Link, boxes: Mapping[EntityId, Box]) -> str:
    source, target = boxes[link.source], boxes[link.target]
    forward = target.x > source.x
    x1 = source.x + (NODE_WIDTH if forward or source.x == target.x else 0)
    x2 = target.x if forward else target.x + NODE_WIDTH
    reach = max(28.0, abs(x2 - x1) / 2)
    bend1, bend2 = (x1 + reach, x2 - reach) if forward else (x1 + 28, x2 + 28)
    y1, y2 = source.middle, target.middle
    d = f"M{x1:.1f} {y1:.1f} C{bend1:.1f} {y1:.1f} {bend2:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    words = f"{name(link.source)} {link.word or 'calls'} {name(link.target)}" + (": failing" if link.failing else "")
    head = "head-failing" if link.failing else "head"
    class_ = "g-edge g-failing" if link.failing else "g-edge"
    drawn = element("path", title(words), d=d, class_=class_, marker_end=f"url(#{head})")
    if not link.word:
        return drawn
    middle = ((x1 + x2) / 2, (y1 + y2) / 2 - 4)
    return drawn + text(link.word, x=middle[0], y=middle[1], class_="p-small p-quiet", anchor="middle")


CLASSES = {Part.CULPRIT: "g-node g-culprit", Part.VICTIM: "g-node g-victim", Part.FOCUS: "g-node g-victim"}
TEXT_CLASSES = {Part.CULPRIT: "g-kind g-culprit-text", Part.VICTIM: "g-kind g-victim-text"}


def _box(box: Box) -> str:
    node, entity = box.node, Entity.parse(box.node.entity)
    healed = node.recovered
    class_ = "g-node" if healed else CLASSES.get(node.part, "g-node")
    shape = element(
        "rect", title(node.entity), x=box.x, y=box.y, width=NODE_WIDTH, height=NODE_HEIGHT, rx=6.0, class_=class_
    )
    if node.part is Part.CULPRIT:
        shape += element(
            "rect", x=box.x + 4, y=box.y + 4, width=NODE_WIDTH - 8, height=NODE_HEIGHT - 8, rx=3.0, class_="g-inner"
        )
    word = "recovered" if healed else node.part.value
    second = f"{word} · {entity.kind}" if word else entity.kind.value
    left = box.x + 14
    return (
        shape
        + text(fitted(entity.name, width=NODE_WIDTH - 24, size=12.5), x=left, y=box.y + 19, class_="g-name")
        + text(second, x=left, y=box.y + 34, class_="g-kind" if healed else TEXT_CLASSES.get(node.part, "g-kind"))
    )


def _words(content: Neighbourhood) -> str:
    told = [f"{name(n.entity)} is {n.part.value}" for n in content.nodes if n.part.value]
    calls = [
        f"{name(link.source)} {link.word or 'calls'} {name(link.target)}" for link in content.links if link.failing
    ]
    return "; ".join([*told, *calls])
