"""What is wrong with an endpoint as a whole."""

from files.errors import UserError


class EndpointError(UserError):
    """An endpoint that does not answer at all, or refuses the key or the model."""
