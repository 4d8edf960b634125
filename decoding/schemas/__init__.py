"""JSON schemas as grammars of JSON text."""
