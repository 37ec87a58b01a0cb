"""What an Alertmanager is and whom it notifies, as far as its own configuration shows. Used by doctor."""

import yaml

from incidents.value import Value
from tools.alertmanager.client import AlertmanagerClient
from tools.wire import Wire

OUR_PATH = "/api/v1/alerts/alertmanager"
HIDDEN = "<secret>"
"""What Alertmanager writes in place of addresses that it takes for secrets (webhooks, since 0.26)."""


class ReceiverView(Value):
    """One receiver, as the configuration shows it."""

    name: str
    ours: bool = False
    """Posts to Midwatch's path."""
    hidden: bool = False
    """Has a webhook whose address is not shown."""
    sends_resolved: bool = True


class AlertmanagerStatus(Value):
    """Version, cluster state and receivers."""

    version: str = ""
    cluster: str = ""
    """`ready`, `settling`, `disabled`."""
    receivers: tuple[ReceiverView, ...] = ()


class _Version(Wire):
    version: str = ""


class _Cluster(Wire):
    status: str = ""


class _Config(Wire):
    original: str = ""


class _Status(Wire):
    versionInfo: _Version = _Version()  # noqa: N815 - the wire's name
    cluster: _Cluster = _Cluster()
    config: _Config = _Config()


class _Webhook(Wire):
    url: str = ""
    send_resolved: bool = True


class _Receiver(Wire):
    name: str = ""
    webhook_configs: tuple[_Webhook, ...] | None = None


async def status_of(client: AlertmanagerClient) -> AlertmanagerStatus:
    """Ask. Raises ToolError."""
    found = await client.http.get("/api/v2/status", _Status)
    return AlertmanagerStatus(
        version=found.versionInfo.version,
        cluster=found.cluster.status,
        receivers=receivers_in(found.config.original),
    )


def receivers_in(configuration: str) -> tuple[ReceiverView, ...]:
    """The receivers of a configuration text. None for a text that is no configuration. Pure."""
    try:
        document = yaml.safe_load(configuration)
    except yaml.YAMLError:
        return ()
    listed = document.get("receivers") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        return ()
    return tuple(_receiver(_Receiver.model_validate(item)) for item in listed if isinstance(item, dict))


def _receiver(item: _Receiver) -> ReceiverView:
    hooks = item.webhook_configs or ()
    ours = [hook for hook in hooks if hook.url.rstrip("/").endswith(OUR_PATH)]
    return ReceiverView(
        name=item.name,
        ours=bool(ours),
        hidden=any(hook.url == HIDDEN for hook in hooks),
        sends_resolved=all(hook.send_resolved for hook in ours),
    )
