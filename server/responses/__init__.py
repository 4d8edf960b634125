"""OpenAI's Responses API beyond its route: translation, events, the store, the background."""
