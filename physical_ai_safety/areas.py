"""The areas that rules speak of, as shapes in `map`: a polygon of the rule's own, or a zone of the site."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shapely import Polygon

from physical_ai_core.site import Site
from physical_ai_safety.rule_forms import AnyRule, Geofence, PlacedRule
from physical_ai_safety.zones import outside


def area_of(rule: AnyRule, site: Site) -> Any:
    """The rule's polygon as it is drawn. None: the rule holds everywhere, or names a zone that the site lacks."""
    assert isinstance(rule, PlacedRule)
    if rule.polygon is not None:
        return Polygon(rule.polygon)
    zone = site.zones.get(rule.zone) if rule.zone is not None else None
    return None if zone is None else zone.shape


def areas(rules: Iterable[AnyRule], site: Site) -> dict[str, Any]:
    """Rule id -> the shape that the robot is held against; of a fence that is all the world outside of it."""
    shapes = {rule.id: (rule, area_of(rule, site)) for rule in rules}
    return {
        name: outside(shape) if isinstance(rule, Geofence) else shape
        for name, (rule, shape) in shapes.items()
        if shape is not None
    }
