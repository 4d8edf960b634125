"""Questions with lettered choices, and the ways to ask for one."""

from __future__ import annotations

from collections.abc import Sequence

from client.turn import Message

REASONED = """Reason as far as you need. Then end with one line of this form, X being {labels}:
The best answer is X."""
DIRECT = "Reply with one letter and nothing else: {labels}."
NOTE = (
    "The model writes a letter. That is not comparable with leaderboards that compare the "
    "log-likelihoods of the choices."
)


def lettered(question: str, choices: Sequence[str], labels: Sequence[str], ask: str) -> str:
    """Return the question, a line for each choice, and how it is to be answered."""
    lines = [f"{label}. {choice}" for label, choice in zip(labels, choices, strict=True)]
    told = f"{', '.join(labels[:-1])} or {labels[-1]}"
    return "\n".join([question, "", *lines, "", ask.format(labels=told)])


def example(asked: str, answer: str) -> tuple[Message, Message]:
    """Return a few-shot question and its answer."""
    return {"role": "user", "content": asked}, {"role": "assistant", "content": answer}
