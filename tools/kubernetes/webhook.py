"""Admission webhooks and aggregated APIs: what the API server calls before it stores, and whether anybody answers."""

from datetime import datetime

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.document import Document
from tools.kubernetes.metadata import ObjectMeta, entity_id, read_meta


class Webhook(Value):
    """One webhook of a configuration."""

    name: str
    failure_policy: str = "Fail"
    timeout_s: int = 10
    service: EntityId | None = None
    """The service behind it; None when it is called by URL."""
    url: str = ""
    """Host only."""
    resources: tuple[str, ...] = ()
    """`apps/deployments:CREATE,UPDATE`."""
    ready: int | None = None
    """Ready endpoints of its service; None when they could not be read or it has no service."""


class WebhookConfiguration(Value):
    """One Validating- or MutatingWebhookConfiguration."""

    meta: ObjectMeta
    mutating: bool
    webhooks: tuple[Webhook, ...]


class ApiService(Value):
    """One aggregated API, for example v1beta1.metrics.k8s.io, and whether it answers."""

    name: str
    available: bool
    reason: str = ""
    message: str = ""
    since: datetime | None = None


class Webhooks(Value):
    """Webhook configurations and aggregated APIs of a cluster."""

    configurations: tuple[WebhookConfiguration, ...]
    api_services: tuple[ApiService, ...] = ()


def read_webhooks(document: Document, *, cluster: str, mutating: bool) -> WebhookConfiguration:
    """Read a webhook configuration; readiness of the services is added by the probe."""
    return WebhookConfiguration(
        meta=read_meta(document, cluster=cluster, kind=EntityKind.WEBHOOK, managers=True),
        mutating=mutating,
        webhooks=tuple(_webhook(item, cluster) for item in document.items("webhooks")),
    )


def _webhook(item: Document, cluster: str) -> Webhook:
    service, url = item.at("clientConfig", "service"), item.word("clientConfig", "url")
    return Webhook(
        name=item.word("name"),
        failure_policy=item.text("failurePolicy") or "Fail",
        timeout_s=item.whole("timeoutSeconds") or 10,
        service=entity_id(cluster, EntityKind.SERVICE, service.word("name"), service.word("namespace"))
        if service.word("name")
        else None,
        url=url.split("://", 1)[-1].split("/", 1)[0].rsplit("@", 1)[-1],
        resources=tuple(_rule(rule) for rule in item.items("rules")),
    )


def _rule(rule: Document) -> str:
    groups = "|".join(group or "core" for group in rule.texts("apiGroups"))
    return f"{groups}/{'|'.join(rule.texts('resources'))}:{','.join(rule.texts('operations'))}"
