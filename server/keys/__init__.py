"""API keys, each with the policy of its requests: their store, the server's view, the command."""
