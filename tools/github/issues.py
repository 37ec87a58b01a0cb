"""Issues of GitHub: one is written, and looked for by a mark in its text before it would be written twice."""

from incidents.canonical import Json
from incidents.value import Value
from tools.github.answers import IssueAnswer
from tools.github.client import GitHubClient, path_of
from tools.http import Params

PAGE = 100
"""Issues that are looked through, newest first: a lost answer is minutes old, not a hundred issues."""


class Issue(Value):
    """One issue."""

    number: int
    title: str
    state: str
    url: str


async def create_issue(
    client: GitHubClient, repository: str, *, title: str, body: str, labels: tuple[str, ...]
) -> Issue:
    """Write an issue. Sent once: after a TransientError it may be there. Raises ToolError."""
    content: Json = {"title": title, "body": body, "labels": list(labels)}
    answer = await client.http.send("POST", path_of(repository, "issues"), IssueAnswer, body=content)
    return _issue(answer)


async def issue_with(client: GitHubClient, repository: str, *, mark: str) -> Issue | None:
    """The issue whose text has the mark; None when none of the newest has. Raises ToolError."""
    params: Params = {"state": "all", "sort": "created", "direction": "desc", "per_page": PAGE}
    found = await client.http.get(path_of(repository, "issues"), list[IssueAnswer], params=params)
    return next((_issue(one) for one in found if one.pull_request is None and mark in (one.body or "")), None)


def _issue(answer: IssueAnswer) -> Issue:
    return Issue(number=answer.number, title=answer.title, state=answer.state, url=answer.html_url)
