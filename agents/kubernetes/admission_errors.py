"""Why the API server refuses to create a pod, from the messages that controllers pass on. Pure.

Source of the texts: the admission plugins ResourceQuota, LimitRanger, ServiceAccount, PodSecurity, Priority and the
webhook dispatcher of kube-apiserver, 1.20 to 1.34.
"""

import re

from incidents.value import Value

_QUOTA = re.compile(
    r"exceeded quota: (?P<name>[^,]+), requested: (?P<requested>.+?), used: .+?, limited: (?P<limited>.+)"
)
_FAILED_QUOTA = re.compile(r"failed quota: (?P<name>[^:]+): must specify (?P<what>.+)")
_DENIED = re.compile(
    r'admission webhook "(?P<name>[^"]+)" denied the request(?: without explanation)?:? ?(?P<why>.*)', re.DOTALL
)
_FAILED_HOOK = re.compile(r'failed calling webhook "(?P<name>[^"]+)": (?P<why>.*)', re.DOTALL)
_SECURITY = re.compile(r'violates PodSecurity "(?P<level>[^"]+)"')
_ACCOUNT = re.compile(
    r'serviceaccount "(?P<name>[^"]+)" not found|error looking up service account \S+?/(?P<other>[^\s:]+)'
)
_LIMITS = re.compile(
    r"(?P<bound>maximum|minimum) (?P<resource>\S+) (?:usage|limit) per (?P<kind>\w+) is|must be less than or equal to"
)
_PRIORITY = re.compile(r"no PriorityClass with name (?P<name>\S+)")
_POLICY = re.compile(r"ValidatingAdmissionPolicy '(?P<name>[^']+)'.*denied request")
_HOOK_CLASSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        ("no_endpoints", r"no endpoints available"),
        ("not_found", r'service "[^"]+" not found'),
        ("certificate", r"x509|certificate"),
        ("refused", r"connection refused"),
        ("timeout", r"deadline exceeded|timeout|Client\.Timeout"),
        ("dns", r"no such host"),
        ("unreachable", r"no route to host|EOF|connection reset"),
    )
)


class Refusal(Value):
    """One refused creation."""

    policy: str
    """quota, limitrange, pod_security, webhook, webhook_unavailable, serviceaccount, priority, policy or other."""
    name: str = ""
    """Of the quota, webhook, level, account."""
    resource: str = ""
    """The resource that was exceeded, with what was asked: `limits.memory=1Gi`."""
    reason: str = ""
    """For a webhook that does not answer: no_endpoints, not_found, certificate, refused, timeout, dns, unreachable."""


def read_refusal(message: str) -> Refusal | None:
    """Read a FailedCreate message; None when it is no refusal of admission."""
    if match := _FAILED_HOOK.search(message):
        return Refusal(policy="webhook_unavailable", name=match["name"], reason=hook_error(match["why"]))
    if match := _QUOTA.search(message):
        return Refusal(policy="quota", name=match["name"], resource=_exceeded(match["requested"], match["limited"]))
    if match := _FAILED_QUOTA.search(message):
        return Refusal(policy="quota", name=match["name"], resource=match["what"].split(" ", 1)[0])
    if match := _DENIED.search(message):
        return Refusal(policy="webhook", name=match["name"])
    return _other(message)


def _other(message: str) -> Refusal | None:
    if match := _SECURITY.search(message):
        return Refusal(policy="pod_security", name=match["level"])
    if match := _ACCOUNT.search(message):
        return Refusal(policy="serviceaccount", name=match["name"] or match["other"])
    if match := _PRIORITY.search(message):
        return Refusal(policy="priority", name=match["name"])
    if match := _POLICY.search(message):
        return Refusal(policy="policy", name=match["name"])
    if match := _LIMITS.search(message):
        return Refusal(policy="limitrange", resource=match["resource"] or "")
    return Refusal(policy="other") if "forbidden" in message or "denied" in message else None


def hook_error(text: str) -> str:
    """Why a webhook could not be called."""
    return next((reason for reason, pattern in _HOOK_CLASSES if pattern.search(text)), "other")


def _exceeded(requested: str, limited: str) -> str:
    """The first resource of the request that has a limit."""
    bounds = {part.split("=", 1)[0] for part in limited.split(",")}
    asked = requested.split(",")
    return next((part for part in asked if part.split("=", 1)[0] in bounds), asked[0])
