"""Why an image cannot be pulled, from what the kubelet and the runtimes say (containerd, CRI-O, Docker). Pure."""

import re

_CLASSES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (reason, re.compile(pattern, re.IGNORECASE))
    for reason, pattern in (
        (
            "invalid",
            r"invalid reference format|couldn't parse image|InvalidImageName|repository name must be lowercase",
        ),
        ("rate_limited", r"toomanyrequests|rate limit|429 Too Many"),
        ("platform", r"no match for platform|no matching manifest for|image operating system .* cannot be used"),
        ("dns", r"no such host|server misbehaving|temporary failure in name resolution|lookup \S+ on "),
        (
            "denied",
            (
                r"unauthorized|authentication required|denied|403 Forbidden|401 |no basic auth credentials"
                r"|insufficient_scope|authorization failed|may require authorization|forbidden"
            ),
        ),
        (
            "network",
            (
                r"i/o timeout|connection refused|connection reset|no route to host|network is unreachable|tls handshake"
                r"|deadline exceeded|context canceled|x509|proxyconnect|timeout|EOF"
                r"|ConnectionPool|502 |503 |500 Internal"
            ),
        ),
        ("not_found", r"not found|manifest unknown|name unknown|does not exist|404 "),
        ("never_pull", r"ErrImageNeverPull|is not present with pull policy of Never"),
    )
)
_DOUBTFUL = re.compile(r"pull access denied.*repository does not exist or may require", re.IGNORECASE)


_OFFICIAL = re.compile(r"docker\.io/library/")
"""Docker's own images are for everybody: no credentials are missing when a registry or mirror refuses one by name."""
_TOKEN = re.compile(r"failed to authorize|fetch (?:anonymous|oauth) token|unauthorized|401 ", re.IGNORECASE)


def image_error(text: str) -> str:
    """The class: invalid, rate_limited, platform, dns, denied, network, not_found, never_pull, or other."""
    found = _class_of(text)
    if found == "denied" and _OFFICIAL.search(text) and not _TOKEN.search(text):
        return "not_found"
    return found


def _class_of(text: str) -> str:
    if _DOUBTFUL.search(text) and re.search(r"insufficient_scope|authorization failed|may require", text):
        return "denied"
    return next((reason for reason, pattern in _CLASSES if pattern.search(text)), "other")
