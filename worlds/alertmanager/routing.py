"""Which receiver an alert goes to, and with which others it is grouped. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from worlds.alertmanager.config import ALL_LABELS, Route
from worlds.alertmanager.matchers import render_matchers
from worlds.promql.labels import render
from worlds.promql.storage import matches_all


@dataclass(frozen=True, kw_only=True)
class Destination:
    """A node of the routing tree with everything it inherits. `key` names the node in group keys."""

    key: str
    receiver: str
    group_by: tuple[str, ...]
    group_wait: timedelta
    group_interval: timedelta
    repeat_interval: timedelta

    def group_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels that an alert is grouped by here."""
        if ALL_LABELS in self.group_by:
            return dict(labels)
        return {name: labels[name] for name in sorted(self.group_by) if name in labels}

    def group_key(self, labels: Mapping[str, str]) -> str:
        """Return the group key as webhooks carry it: `{}/{severity="page"}:{alertname="Down"}`."""
        return f"{self.key}:{render(self.group_labels(labels))}"


# What Alertmanager assumes where the root route says nothing (dispatch/route.go).
_DEFAULTS = Destination(
    key="",
    receiver="",
    group_by=(),
    group_wait=timedelta(seconds=30),
    group_interval=timedelta(minutes=5),
    repeat_interval=timedelta(hours=4),
)


def destinations(labels: Mapping[str, str], root: Route) -> list[Destination]:
    """Return where an alert with these labels goes: the deepest matching nodes, the root if no other matches."""
    return _matching(labels, root, _inherited(root, _DEFAULTS, is_root=True))


def _matching(labels: Mapping[str, str], route: Route, here: Destination) -> list[Destination]:
    found: list[Destination] = []
    for child in route.routes:
        if matches_all(child.matchers, labels):
            found += _matching(labels, child, _inherited(child, here, is_root=False))
            if not child.continue_:
                break
    return found or [here]


def _inherited(route: Route, parent: Destination, *, is_root: bool) -> Destination:
    matchers = render_matchers(route.matchers)
    return replace(
        parent,
        key=matchers if is_root else f"{parent.key}/{matchers}",
        receiver=route.receiver or parent.receiver,
        group_by=parent.group_by if route.group_by is None else route.group_by,
        group_wait=parent.group_wait if route.group_wait is None else route.group_wait,
        group_interval=parent.group_interval if route.group_interval is None else route.group_interval,
        repeat_interval=parent.repeat_interval if route.repeat_interval is None else route.repeat_interval,
    )
