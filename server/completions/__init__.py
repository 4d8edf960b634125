"""Legacy completions: several prompts in one request."""
