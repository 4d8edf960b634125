"""Adapters that apply the matchers inside an engine; the only modules of decoding with torch."""
