"""What the clients need: the scripted server of the server's tests."""

from tests.server.conftest import bundle, model, server, shared_server

__all__ = ["bundle", "model", "server", "shared_server"]
