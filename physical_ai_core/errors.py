"""Typed errors: each names the cause, what was found, and the mend."""

from __future__ import annotations


class PhysicalAIError(Exception):
    """Root of every error this suite raises on purpose.

    `cause` says what is wrong with what was found; `mend` says what the reader can do about it.
    """

    exit_code = 1

    def __init__(self, cause: str, mend: str) -> None:
        super().__init__(f"{cause} {mend}".strip())
        self.cause = cause
        self.mend = mend

    def __reduce__(self) -> tuple[object, ...]:
        """Whole on its way from a worker process, whatever a kind's own arguments are."""
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[PhysicalAIError], args: tuple[object, ...], state: dict[str, object]) -> PhysicalAIError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InputError(PhysicalAIError):
    """Something the user handed in (a file, an option, a message) cannot be used."""

    exit_code = 2


class ParameterError(InputError):
    """A node parameter is unknown, of the wrong type, or out of its range."""


class SiteError(InputError):
    """A site file is unreadable or contradicts itself."""


class GoalError(InputError):
    """A goal state does not obey the schema or the site."""


class BagError(InputError):
    """A recording cannot be read or lacks what the job needs."""


class ModelError(InputError):
    """Model weights are missing, corrupt, or of another architecture."""


class DependencyError(PhysicalAIError):
    """An optional dependency is missing."""

    exit_code = 2

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"The Python package '{package}' is not installed.",
            f"Install it with: pip install 'physical_ai[{extra}]'.",
        )
