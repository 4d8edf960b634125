"""What can be wrong before a run begins or with what a command is given; commands print it."""

from files.errors import UserError


class EvalError(UserError):
    """What is wrong with a task, its data or a run."""


class DataError(EvalError):
    """A data set that is not there, or not in the form its task reads."""


class RunError(EvalError):
    """A run folder that cannot be read, resumed or compared."""
