"""Why an update was refused. Whatever is raised here, what was active before stays active."""

from __future__ import annotations

from physical_ai_core.errors import ModelError


class UpdateError(ModelError):
    """An update cannot be used; each kind below names one cause."""


class UnsignedError(UpdateError):
    """Signatures are missing, forged, too few, or of keys that the robot does not trust."""


class ExpiredError(UpdateError):
    """Signed metadata is older than it may be: a frozen repository, or a wrong clock."""


class RolledBackError(UpdateError):
    """The repository, or the model, is older than what this robot has seen."""


class MixedError(UpdateError):
    """Parts of different states of the repository lie together, or a name in it is none."""


class TamperedError(UpdateError):
    """Bytes are not those that were signed."""


class FetchError(UpdateError):
    """The repository, or a file of it, cannot be reached; what came so far is kept."""


class ForeignError(UpdateError):
    """The model is for another robot, another architecture, or newer software."""


class UngatedError(UpdateError):
    """No accepted decision of the model gate belongs to these weights."""


class SlotError(UpdateError):
    """A slot is empty, damaged or in use."""
