"""Who may do what: bearer tokens, roles like those a careful team would give Midwatch, and the reviews that tell."""

from dataclasses import dataclass, field

from worlds.kubernetes.answers import forbidden
from worlds.objects.kinds import JsonObject

_READ = ("get", "list", "watch")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One RBAC rule. `*` stands for everything."""

    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]

    def allows(self, *, group: str, resource: str, verb: str) -> bool:
        """Say whether the rule covers a request; `resource` may carry a subresource after a slash."""
        return (
            ("*" in self.groups or group in self.groups)
            and (
                resource in self.resources or ("*" in self.resources and "/" not in resource and resource != "secrets")
            )
            and ("*" in self.verbs or verb in self.verbs)
        )

    def as_json(self) -> JsonObject:
        """Return the rule as a rules review has it."""
        return {"verbs": list(self.verbs), "apiGroups": list(self.groups), "resources": list(self.resources)}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A service account with its token."""

    user: str
    token: str
    rules: tuple[Rule, ...]
    denied: frozenset[str] = field(default_factory=frozenset)

    def may(self, *, group: str, resource: str, verb: str) -> bool:
        """Say whether a request is allowed."""
        if resource in self.denied:
            return False
        return any(rule.allows(group=group, resource=resource, verb=verb) for rule in self.rules)


READER_RULES = (
    Rule(groups=("*",), resources=("*",), verbs=_READ),
    Rule(groups=("",), resources=("pods/log", "pods/status"), verbs=("get",)),
    Rule(groups=("apps",), resources=("deployments/scale", "statefulsets/scale", "replicasets/scale"), verbs=("get",)),
    Rule(
        groups=("authorization.k8s.io",),
        resources=("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
        verbs=("create",),
    ),
)

EXECUTOR_RULES = (
    *READER_RULES,
    Rule(groups=("apps",), resources=("deployments", "statefulsets", "daemonsets"), verbs=("patch", "update")),
    Rule(groups=("apps",), resources=("deployments/scale", "statefulsets/scale"), verbs=("patch", "update")),
    Rule(groups=("",), resources=("pods",), verbs=("delete",)),
    Rule(groups=("",), resources=("pods/eviction",), verbs=("create",)),
    Rule(groups=("",), resources=("nodes",), verbs=("patch",)),
    Rule(groups=("",), resources=("configmaps", "services"), verbs=("patch", "update")),
    Rule(groups=("autoscaling",), resources=("horizontalpodautoscalers",), verbs=("patch", "update")),
    Rule(groups=("batch",), resources=("jobs",), verbs=("create", "delete", "patch")),
)


def check(identity: Identity, *, group: str, resource: str, verb: str, name: str, namespace: str) -> None:
    """Raise the API server's 403 when a request is not allowed."""
    if identity.may(group=group, resource=resource, verb=verb):
        return
    plain = resource.partition("/")[0]
    full = f"{plain}.{group}" if group else plain
    subject = f'{full} "{name}"' if name else full
    where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
    text = f'{subject} is forbidden: User "{identity.user}" cannot {verb} resource "{resource}" in API group "{group}"'
    raise forbidden(plain, name, text + where, group=group)


def access_review(identity: Identity, body: JsonObject) -> JsonObject:
    """Answer a SelfSubjectAccessReview."""
    wanted = body.get("spec", {}).get("resourceAttributes", {})
    resource = wanted.get("resource", "") + (f"/{wanted['subresource']}" if wanted.get("subresource") else "")
    allowed = identity.may(group=wanted.get("group", ""), resource=resource, verb=wanted.get("verb", ""))
    status: JsonObject = {"allowed": allowed} | ({"reason": "RBAC: allowed by ClusterRoleBinding"} if allowed else {})
    return {
        "kind": "SelfSubjectAccessReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": body.get("spec", {}),
        "status": status,
    }


def rules_review(identity: Identity, body: JsonObject) -> JsonObject:
    """Answer a SelfSubjectRulesReview."""
    status = {"resourceRules": [rule.as_json() for rule in identity.rules], "nonResourceRules": [], "incomplete": False}
    return {
        "kind": "SelfSubjectRulesReview",
        "apiVersion": "authorization.k8s.io/v1",
        "metadata": {},
        "spec": body.get("spec", {}),
        "status": status,
    }


def identify(identities: tuple[Identity, ...], header: str) -> Identity | None:
    """Return who sent a request."""
    scheme, _, token = header.partition(" ")
    return next((i for i in identities if scheme.lower() == "bearer" and i.token == token.strip()), None)
