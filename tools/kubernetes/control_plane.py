"""The control plane as far as the API shows it: its version, its health checks, and the leases of its leaders."""

from datetime import datetime

from incidents.value import Value


class Component(Value):
    """One health check or leader of the control plane."""

    name: str
    """`etcd`, `kube-scheduler`, `informer-sync`..."""
    healthy: bool
    detail: str = ""
    since: datetime | None = None
    """When the lease was renewed last, for leaders that no longer renew."""


class ControlPlane(Value):
    """What is known of the control plane."""

    version: str
    components: tuple[Component, ...]
    incomplete: str = ""
    """What could not be read, in words."""
