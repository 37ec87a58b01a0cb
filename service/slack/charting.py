"""Draws a chart from the records when it is sent, and puts it into the thread once."""

import asyncio

from incidents.enquiry import Drawing
from orchestrator.store.observations import evidence_from
from orchestrator.store.outbox import Message
from service.slack.context import SlackContext
from service.story.record import record_of
from service.story.story import current_proposal
from service.web.pictures.scene import Scene, scene_of
from tools.slack.client import Posted


async def upload_chart(context: SlackContext, message: Message, *, below: Posted) -> Posted:
    """Upload it under the card; where nothing can be drawn, nothing is said. Raises ToolErrors."""
    from service.slack.chart import alt_of, chart_of

    name = f"{message.key.replace(':', '-')[:60]}.png"
    if message.attempts > 1 and await context.client.has_file(below, name=name):
        return below
    scene = await _scene(context, message)
    picture = await asyncio.to_thread(chart_of, scene) if scene else None
    if picture is None or scene is None:
        return below
    title = "What the change did" if ":verdict:" in message.key else "Around the onset"
    await context.client.upload(below, name=name, title=title, alt=alt_of(scene), content=picture)
    return below


async def upload_drawing(context: SlackContext, message: Message) -> Posted:
    """The curve of an answer, below the question. Raises ToolErrors."""
    from service.slack.chart import drawn, drawn_alt

    drawing = Drawing.model_validate(message.payload["drawing"])
    channel = await context.client.channel_id(message.channel)
    below = Posted(channel=channel, ts=message.payload["thread_ts"])
    name = f"{message.key.replace(':', '-').replace('.', '-')[:90]}.png"
    if message.attempts > 1 and await context.client.has_file(below, name=name):
        return below
    picture = await asyncio.to_thread(drawn, drawing)
    await context.client.upload(below, name=name, title=drawing.title, alt=drawn_alt(drawing), content=picture)
    return below


async def _scene(context: SlackContext, message: Message) -> Scene | None:
    if message.incident is None:
        return None
    async with context.store.transaction() as tx:
        record = await record_of(tx, message.incident, now=context.clock.now())
        red = await evidence_from(tx, message.incident, probes=("prometheus.red",))
    return scene_of(record, current_proposal(record), red)
