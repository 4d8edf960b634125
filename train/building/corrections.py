"""Corrections: the student's own answers as replies that check themselves, and repair if need be.

Intrinsic self-correction, *Small Language Model Can Self-correct*, section 3
(https://arxiv.org/abs/2401.07301): a right answer is followed by a check that confirms it, and all
of it is learned; a wrong one, not learned itself, by a check, a correction and the right answer.
What may be either is not taught: a check that is wrong itself would be learned.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from decoding.format import FormatError, Reply, ReplyFormat, Section
from train.building import checks
from train.building.attempts import Attempt, asks_of, read_attempts
from train.building.conversation import Conversation, Drop, Reason, split_of
from train.building.generated import content_id
from train.building.questions import Answer, Question, Verdict, read_questions
from train.building.replies import output, reflection, thinking
from train.building.settings import Attempts
from train.segments import Kind, Segment

SOURCE = "attempts"


def read_corrections(
    folder: Path,
    settings: Attempts,
    seed: int,
    holdout: float,
    format: ReplyFormat,
    counts: Counter[str],
) -> Iterator[Conversation | Drop]:
    """Yield each attempt that came to its end, in the order of the questions.

    counts: of right, wrong, undecided, unfinished and unanswered attempts
    """
    for question, key, attempt in _ended(folder, settings, seed, counts):
        given = _given(attempt, format)
        verdict = question.verdict(given.text)
        counts[verdict.value] += 1
        if verdict is Verdict.UNDECIDED:
            id = content_id(question.prompt, given.text)
            yield Drop(id, SOURCE, Reason.UNDECIDED, given.text)
            continue
        segments = correct(question, given, random.Random(f"corrections/{seed}/{key}"), format)
        yield Conversation(
            content_id(question.prompt, "".join(segment.text for segment in segments)),
            SOURCE,
            split_of(seed, question.prompt, holdout),
            question.prompt,
            segments,
            is_generated=True,
        )


def correct(
    question: Question, given: Answer, rng: random.Random, format: ReplyFormat
) -> tuple[Segment, ...]:
    """Compose the reply: the attempt, a check of it, and where it is not right what repairs it."""
    attempt = "\n".join(part for part in (given.thoughts, given.text) if part) + "\n"
    if question.verdict(given.text) is Verdict.RIGHT:
        first = Segment(attempt, Kind.THINK)
        check = reflection(checks.confirm(rng), format)
        return (*thinking(first, check, format=format), output(given.text, format))
    first = Segment(attempt, Kind.WRONG, loss=False)
    check = reflection(checks.object_to(rng, question.objection(given)), format)
    redo = Segment(f"{question.solution or f'The answer is {question.answer}.'}\n", Kind.REDO)
    return (*thinking(first, check, redo, format=format), output(question.answer, format))


def _ended(
    folder: Path, settings: Attempts, seed: int, counts: Counter[str]
) -> Iterator[tuple[Question, str, Attempt]]:
    """Yield the attempts that came to their end, each with its question and its key."""
    known = read_attempts(folder)
    for question in read_questions(settings.questions, settings.num, seed):
        for ask in asks_of(settings, question.prompt, seed):
            attempt = known.get(ask.key)
            if attempt is not None and attempt.is_whole:
                yield question, ask.key, attempt
            else:
                counts["unanswered" if attempt is None else "unfinished"] += 1


def _given(attempt: Attempt, format: ReplyFormat) -> Answer:
    """Return thoughts and answer, without tags, also where an endpoint shows them in one text."""
    try:
        reply = Reply.parse(attempt.content.strip(), format)
    except FormatError:
        return Answer(_untagged(attempt.thoughts, format), _untagged(attempt.content, format))
    thoughts = [text.strip() for section, text in reply.sections if section is Section.THINKING]
    return Answer("\n".join(text for text in thoughts if text), reply.answer.strip())


def _untagged(text: str, format: ReplyFormat) -> str:
    for tag in format.tags:
        text = text.replace(tag, "")
    return text.strip()
