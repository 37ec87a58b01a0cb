"""What there is, and how it hangs together: entities and the edges between them."""

from incidents.ids import EntityId
from incidents.topology import Edge
from incidents.value import Value


class InventoryItem(Value):
    """One thing that exists."""

    entity: EntityId
    labels: dict[str, str] = {}
    replicas: int | None = None
    """Wanted pods, of workloads."""
    images: tuple[str, ...] = ()


class Inventory(Value):
    """Entities of a scope and the edges found between them."""

    items: tuple[InventoryItem, ...]
    edges: tuple[Edge, ...]
    incomplete: tuple[str, ...] = ()
    """Resources that could not be listed, in words."""

    @property
    def entities(self) -> tuple[EntityId, ...]:
        """All entities."""
        return tuple(item.entity for item in self.items)
