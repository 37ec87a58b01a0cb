"""The person who merges what Midwatch proposed as a pull request: in an episode, at once."""

import httpx

from worlds.server import World

TIMEOUT_SECONDS = 30.0


async def merge_reverts(world: World) -> int:
    """Merge every open pull request, with a person's rights. Returns how many; 0 where GitHub does not answer."""
    pulls = [pull for pull in world.estate.simulation.forge.pulls if pull.state == "open"]
    headers = {"authorization": f"Bearer {world.tokens['github-write']}"}
    merged = 0
    async with httpx.AsyncClient(base_url=world.urls["github"], headers=headers, timeout=TIMEOUT_SECONDS) as client:
        for pull in pulls:
            answer = await client.put(f"/repos/{pull.repository}/pulls/{pull.number}/merge", json={})
            merged += answer.is_success
    return merged
