"""Issues over GitHub's API: written with the writing token, listed newest first, pull requests among them."""

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import Depends, FastAPI, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from worlds.github.access import may_read, may_write, unprocessable
from worlds.github.reads import Reads, page
from worlds.github.shapes import Shapes, stamp
from worlds.instances import endpoint
from worlds.objects.kinds import JsonObject
from worlds.repository.forge import Forge

LONGEST_TITLE, LONGEST_BODY = 256, 65_536
"""Characters that GitHub takes."""


class NewIssue(BaseModel):
    """POST /issues."""

    model_config = ConfigDict(extra="ignore")

    title: str = Field(min_length=1)
    body: str = ""
    labels: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One issue."""

    number: int
    repository: str
    title: str
    body: str
    labels: tuple[str, ...]
    created: float


def add_routes(routes: FastAPI) -> None:
    """Add the routes of issues."""
    path = "/repos/{owner}/{name}/issues"
    listed, create = endpoint(Issues, Issues.listed), endpoint(Issues, Issues.create)
    routes.add_api_route(path, listed, methods=["GET"], dependencies=[Depends(may_read)])
    routes.add_api_route(path, create, methods=["POST"], status_code=201, dependencies=[Depends(may_write)])


class Issues:
    """Handlers of issues."""

    def __init__(self, forge: Forge, shapes: Shapes, *, now: Callable[[], float]) -> None:
        self._forge = forge
        self._reads = Reads(forge, shapes)
        self._shapes = shapes
        self._now = now
        self._issues: list[Issue] = []

    async def create(self, owner: str, name: str, body: NewIssue) -> JsonObject:
        """POST /issues."""
        repository = self._reads.find(owner, name)
        if len(body.title) > LONGEST_TITLE or len(body.body) > LONGEST_BODY:
            raise unprocessable("Validation Failed: too long")
        made = Issue(
            number=self._forge.next_id(400),
            repository=repository.name,
            title=body.title,
            body=body.body,
            labels=tuple(body.labels),
            created=self._now(),
        )
        self._issues.append(made)
        return self._shape(made)

    async def listed(self, owner: str, name: str, request: Request, response: Response) -> list[JsonObject]:
        """GET /issues, the latest created first; pull requests are among them, as GitHub has it."""
        repository = self._reads.find(owner, name)
        wanted = {label for label in request.query_params.get("labels", "").split(",") if label}
        mine = [one for one in self._issues if one.repository == repository.name and wanted <= set(one.labels)]
        pulls = [one for one in self._forge.pulls if one.repository == repository.name and not wanted]
        found = [(one.created, self._shape(one)) for one in mine]
        found += [(one.created, self._shapes.pull(repository, one) | {"pull_request": {}}) for one in pulls]
        newest = [shape for _, shape in sorted(found, key=lambda each: -each[0])]
        return page(newest, request, response)

    def _shape(self, issue: Issue) -> JsonObject:
        return {
            "number": issue.number,
            "title": issue.title,
            "body": issue.body,
            "state": "open",
            "labels": [{"name": label} for label in issue.labels],
            "created_at": stamp(issue.created),
            "url": self._shapes.api(issue.repository, f"issues/{issue.number}"),
            "html_url": self._shapes.html(issue.repository, f"issues/{issue.number}"),
        }
