"""What can be wrong with a configuration, its data or a run folder; commands print it."""

from files.errors import UserError


class TrainError(UserError):
    """What is wrong with what a stage was given."""


class ConfigError(TrainError):
    """A configuration with an unknown name or a value of the wrong kind."""


class DataError(TrainError):
    """Data that are not there, or not in the form that a stage reads."""
