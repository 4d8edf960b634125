"""What can be wrong before a run begins or with what a command is given; commands print it."""


class EvalError(Exception):
    """What was expected, what came, what to do."""


class DataError(EvalError):
    """A data set that is not there, or not in the form its task reads."""


class RunError(EvalError):
    """A run folder that cannot be read, resumed or compared."""


class EndpointError(EvalError):
    """An endpoint that does not answer at all, or refuses the key or the model."""
