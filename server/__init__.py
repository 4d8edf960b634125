"""An OpenAI-compatible HTTP server over an inference engine that enforces and hides reflection."""
