"""The picture of a chain of campaigns."""

from itertools import pairwise
from typing import Any

from django import template
from django.utils.text import Truncator

register = template.Library()

BOX_WIDTH, BOX_HEIGHT, BOX_GAP, BOXES_IN_ROW, BOX_LETTERS = 272, 60, 36, 4, 32


@register.inclusion_tag("campaigns/_chain_picture.html")
def chain_picture(chain: Any) -> dict[str, Any]:
    """A `services.campaigns.Chain` as boxes and arrows; the list beside it says the same in words."""
    boxes = [_box(place, step) for place, step in enumerate(chain.steps)]
    return {
        "boxes": boxes,
        "arrows": [_arrow(before, after) for before, after in pairwise(boxes)],
        "width": max(box["x"] for box in boxes) + BOX_WIDTH + 2,
        "height": boxes[-1]["y"] + BOX_HEIGHT + 2,
        "names": " → ".join(box["full_name"] for box in boxes),
    }


def _box(place: int, step: Any) -> dict[str, Any]:
    row, column = divmod(place, BOXES_IN_ROW)
    campaign = step.campaign
    name = campaign.name if campaign else step.campaign_id
    kind = campaign.kind.label if campaign and campaign.kind else ""
    return {
        "x": 2 + column * (BOX_WIDTH + BOX_GAP),
        "y": 2 + row * (BOX_HEIGHT + BOX_GAP),
        "name": Truncator(name).chars(BOX_LETTERS),
        "kind": Truncator(kind or step.problem).chars(BOX_LETTERS + 4),
        "full_name": name,
        "tone": "here" if place == 0 else "there" if campaign else "broken",
    }


def _arrow(before: dict[str, Any], after: dict[str, Any]) -> str:
    """The path of an arrow to the right, or round to the start of the next row."""
    if before["y"] == after["y"]:
        x, y = before["x"] + BOX_WIDTH, before["y"] + BOX_HEIGHT // 2
        return f"M{x + 5} {y}H{after['x'] - 6}m-6 -5l6 5l-6 5"
    x, y = before["x"] + BOX_WIDTH // 2, before["y"] + BOX_HEIGHT
    return f"M{x} {y + 4}v{BOX_GAP // 2 - 4}H{after['x'] + BOX_WIDTH // 2}V{after['y'] - 6}m-5 -6l5 6l5 -6"
