"""What an Argo CD account may do, as Argo CD itself answers (`argocd account can-i`)."""

from tools.argocd.client import ArgoCDClient
from tools.http import segment
from tools.wire import Wire


class _CanI(Wire):
    value: str = ""


async def may(client: ArgoCDClient, *, verb: str, resource: str = "applications", which: str = "*") -> bool:
    """Whether these credentials may do that to `which` (`project/application`, or `*` for all). Raises ToolError."""
    parts = "/".join(part if part == "*" else segment(part) for part in which.split("/"))
    answer = await client.http.get(f"/api/v1/account/can-i/{segment(resource)}/{segment(verb)}/{parts}", _CanI)
    return answer.value == "yes"
