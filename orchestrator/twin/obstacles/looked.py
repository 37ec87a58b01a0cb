"""What one look for obstacles came to. Pure."""

from incidents.ids import EvidenceId
from incidents.prediction import Foreseen, Obstacle
from incidents.value import Value


class Looked(Value):
    """Nothing in it: this kind of obstacle does not concern the change."""

    obstacles: tuple[Obstacle, ...] = ()
    figures: tuple[Foreseen, ...] = ()
    built_from: tuple[str, ...] = ()
    """What was seen, in words."""
    not_foreseen: tuple[str, ...] = ()
    """What could not be seen or counted, with the reason."""
    evidence: tuple[EvidenceId, ...] = ()

    def __add__(self, other: "Looked") -> "Looked":
        """Both together, each thing once."""
        return Looked(
            **{
                name: tuple(dict.fromkeys((*getattr(self, name), *getattr(other, name))))
                for name in type(self).model_fields
            }
        )
