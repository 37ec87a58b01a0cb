"""The image registries: they have every image and give it to everyone, except where a scenario says otherwise."""

_PULLING = 'rpc error: code = {code} desc = failed to pull and unpack image "{image}": '
_RESOLVING = 'failed to resolve reference "{image}": '
_RATE_LIMIT = (
    "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
)


class Registry:
    """`missing` maps an image to a reason, `outages` a host to one; `private` hosts want a pull secret.

    Reasons: not_found, unauthorized, no_such_host, timeout, rate_limit.
    """

    def __init__(self) -> None:
        self.missing: dict[str, str] = {}
        self.outages: dict[str, str] = {}
        self.private: set[str] = set()

    def trouble(self, image: str, *, anonymous: bool = True) -> str:
        """Say why an image cannot be pulled, in containerd's words; empty when it can."""
        host = image.partition("/")[0]
        reason = self.outages.get(host) or self.missing.get(image, "")
        if not reason and anonymous and host in self.private:
            reason = "unauthorized"
        return refusal(reason, image) if reason else ""


def refusal(reason: str, image: str) -> str:
    """Return what containerd says of an image that it does not get."""
    repository, _, tag = image.rpartition(":")
    host, _, path = repository.partition("/")
    url = f"https://{host}/v2/{path}/manifests/{tag}"
    code = "NotFound" if reason == "not_found" else "Unknown"
    return (
        _PULLING.format(code=code, image=image)
        + {
            "not_found": _RESOLVING.format(image=image) + f"{image}: not found",
            "unauthorized": _RESOLVING.format(image=image)
            + "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to "
            f"https://{host}/token: 401 Unauthorized",
            "no_such_host": _RESOLVING.format(image=image)
            + f'failed to do request: Head "{url}": dial tcp: lookup {host} on 169.254.169.254:53: no such host',
            "timeout": _RESOLVING.format(image=image)
            + f'failed to do request: Head "{url}": dial tcp 140.82.121.34:443: i/o timeout',
            "rate_limit": f"failed to copy: httpReadSeeker: failed open: unexpected status code {url}: "
            f"429 Too Many Requests - Server message: {_RATE_LIMIT}",
        }[reason]
    )
