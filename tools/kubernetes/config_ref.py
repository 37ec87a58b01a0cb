"""What templates refer to (ConfigMaps, Secrets and their keys, ServiceAccounts, claims) and whether it is there.

Values of ConfigMaps and Secrets are never kept: only the names of their keys, and who changed them when.
"""

from datetime import datetime

from incidents.entity import EntityKind
from incidents.ids import EntityId
from incidents.value import Value
from tools.kubernetes.metadata import ObjectMeta


class ConfigRef(Value):
    """One reference of a workload's template, and whether it can be satisfied."""

    workload: EntityId
    container: str = ""
    """Empty for volumes and service accounts, which belong to the pod."""
    kind: EntityKind
    """configmap, secret, serviceaccount or persistentvolumeclaim."""
    name: str
    key: str = ""
    """The key that has to exist; empty when the whole object is meant."""
    optional: bool = False
    via: str
    """How it is used: `env DATABASE_URL`, `envFrom`, `volume config`, `imagePullSecrets`, `serviceAccountName`."""
    exists: bool | None
    """None when it may not be read."""
    key_exists: bool | None = None
    """None when no key is asked for or keys cannot be read."""


class ConfigObject(Value):
    """A ConfigMap or Secret that is used, without any of its values."""

    meta: ObjectMeta
    kind: EntityKind
    type: str = ""
    """Secret type, for example kubernetes.io/tls."""
    keys: tuple[str, ...] = ()
    immutable: bool = False
    changed: datetime | None = None
    """Newest write to its data by its managed fields, else its creation."""
    used_by: tuple[EntityId, ...] = ()
    certificate_not_after: datetime | None = None
    """Expiry of the first certificate of a TLS secret."""
    certificate_subject: str = ""


class ConfigRefs(Value):
    """References of the workloads of a scope, and the objects behind them."""

    refs: tuple[ConfigRef, ...]
    objects: tuple[ConfigObject, ...] = ()
    unreadable: tuple[str, ...] = ()
    """What could not be read and why, in words."""
