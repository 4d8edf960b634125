"""What a user can mend: the root of the errors that commands print instead of a trace."""


class UserError(Exception):
    """What was expected, what came, what to do."""


class LockError(UserError):
    """What another process is writing."""


class JournalError(UserError):
    """A journal that cannot be read."""
