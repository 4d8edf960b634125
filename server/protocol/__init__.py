"""What crosses the wire, under the names of OpenAI's API."""
