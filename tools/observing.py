"""Turns what a probe saw into an observation: the view for detectors, and its JSON as evidence for the record."""

from datetime import datetime
from typing import TypeVar

from incidents.evidence import Evidence, Source, Window
from incidents.ids import EntityId
from incidents.value import Value
from tools.errors import NotConfiguredError
from tools.probe import Observation

ViewT = TypeVar("ViewT", bound=Value)
ClientT = TypeVar("ClientT")


def observed(
    view: ViewT,
    *,
    probe: str,
    source: Source,
    query: str,
    at: datetime,
    title: str,
    window: Window | None = None,
    entities: tuple[EntityId, ...] = (),
    complete: bool = True,
    cut: str | None = None,
    link: str | None = None,
    body: str | None = None,
) -> Observation[ViewT]:
    """The observation of a view. `complete` says that what is absent from the view is absent from these entities.

    `body` is its JSON, when the whole of it is too much for the record.
    """
    kept = view.model_dump_json(exclude_defaults=True) if body is None else body
    evidence = Evidence.of(
        probe=probe,
        source=source,
        query=query,
        observed_at=at,
        body=kept,
        window=window,
        entities=entities,
        cut=cut,
        link=link,
        title=title,
    )
    verbatim = body is None and evidence.body == kept
    return Observation(view=view, evidence=evidence, entities=entities if complete else (), verbatim=verbatim)


def configured(client: ClientT | None, *, system: str, cluster: str) -> ClientT:
    """The client. Raises NotConfiguredError that says what to configure when there is none."""
    if client is None:
        raise NotConfiguredError(f"{system} is not configured for {cluster}: give its address in the settings")
    return client
