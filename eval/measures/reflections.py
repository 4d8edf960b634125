"""What reflections do to a run's answers: how many there are, what they correct and spoil.

All of it is read from thoughts, so it is told only of replies whose thoughts the endpoint shows.
Their tokens and the cost of a right answer need no text: see `eval.measures.usage`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from client.turn import Turn
from decoding.format import FormatError, Reply, ReplyFormat
from estimates.means import mean
from estimates.paired import pair
from estimates.proportions import wilson
from eval.measures.usage import NOT_AVAILABLE, spread
from eval.question import Question
from eval.running.scoring import Scoring
from eval.sample import Sample
from eval.score import Score, Scorer
from eval.scorers.exact_problem import problem_of
from problems.reflections import Reflections, judge

OPEN = "<reflection>"
# Text that came as a reasoning field was cut out of the reply by a server, which may leave tags
# in an answer that its own constraint allows there.
FORMAT, FORMAT_OF_PARTS = ReplyFormat(), ReplyFormat(text_guard="closing")
NONE_BEFORE = "none_before"
FLOWS = ("wrong_to_right", "right_to_wrong", "right_to_right", "wrong_to_wrong", NONE_BEFORE)


@dataclass(frozen=True, slots=True)
class Shown:
    """One reply whose thoughts are shown; `is_rebuilt` from a reasoning field and the answer."""

    sample: Sample
    reply: str
    thoughts: str
    is_rebuilt: bool

    @property
    def num_reflections(self) -> int:
        """How often it reflects."""
        return self.thoughts.count(OPEN)

    @property
    def is_well_formed(self) -> bool:
        """Whether the whole reply follows the reply format."""
        try:
            Reply.parse(self.reply, FORMAT_OF_PARTS if self.is_rebuilt else FORMAT)
        except FormatError:
            return False
        return True


def figures(
    questions: Mapping[str, Question], samples: Sequence[Sample], scorer: Scorer | None
) -> dict[str, Any] | str:
    """Return the reflection figures of a run, JSON; "not available" where no thoughts are shown.

    `shown` of `replies` replies show theirs, and the shares are of those; `rebuilt` ones are put
    together from two fields, so that their tags were never seen. `catches`: generated problems.
    """
    found = shown(samples)
    if not found:
        return NOT_AVAILABLE
    counts = [one.num_reflections for one in found]
    told = {
        "replies": sum(len(sample.turns) for sample in samples),
        "shown": len(found),
        "rebuilt": sum(one.is_rebuilt for one in found),
        "format_valid": share(sum(one.is_well_formed for one in found), len(found)),
        "with_reflection": share(sum(count > 0 for count in counts), len(found)),
        "reflections_per_answer": spread(counts),
        "corrections": corrections(questions, found, scorer),
    }
    caught = catches(questions, found)
    return told | ({"catches": caught} if caught else {})


def shown(samples: Sequence[Sample]) -> list[Shown]:
    """Return the replies whose thoughts can be read.

    An endpoint that shows raw replies (any content begins with its thoughts) shows all of them: a
    content without is a reply without thoughts. One that shows a reasoning field may hide it
    elsewhere; an answer that only mentions a tag shows nothing.
    """
    turns = [(sample, turn) for sample in samples for turn in sample.turns]
    is_raw = any(turn.content.lstrip().startswith("<thinking>") for _, turn in turns)
    return [
        Shown(sample, turn.reply or turn.content, _thoughts(turn), turn.reasoning is not None)
        for sample, turn in turns
        if turn.reasoning is not None or is_raw
    ]


def _thoughts(turn: Turn) -> str:
    if turn.reasoning is not None:
        return turn.reasoning
    before, _, _ = turn.content.rpartition("</thinking>")
    return (before or turn.content.partition("<output>")[0]).replace("<thinking>", "")


def corrections(
    questions: Mapping[str, Question], found: Sequence[Shown], scorer: Scorer | None
) -> dict[str, Any] | str:
    """Compare the last answer stated before the first reflection with the final one.

    Of `n` replies that reflect (those of one turn). `before`, `after`: the shares of right ones
    among those that had stated an answer; difference and p: paired, by question.
    """
    if scorer is None or scorer.stated is None:
        return NOT_AVAILABLE
    reflecting = [one for one in found if one.num_reflections and len(one.sample.turns) == 1]
    answered = [
        (one.sample, text)
        for one in reflecting
        if (text := scorer.stated(questions[one.sample.id], one.thoughts.partition(OPEN)[0]))
    ]
    scores = _score(scorer, [(questions[sample.id], [text]) for sample, text in answered])
    pairs = [
        (sample, score.value == 1, sample.value == 1)
        for (sample, _), score in zip(answered, scores, strict=True)
    ]
    flows = Counter(f"{_word(before)}_to_{_word(after)}" for _, before, after in pairs)
    flows[NONE_BEFORE] = len(reflecting) - len(pairs)
    return {
        "n": len(reflecting),
        **{flow: flows[flow] for flow in FLOWS},
        "net": flows["wrong_to_right"] - flows["right_to_wrong"],
        **(_paired(pairs) if pairs else {}),
    }


def _score(scorer: Scorer, pairs: Sequence[tuple[Question, Sequence[str]]]) -> list[Score]:
    if not pairs:
        return []  # and start no workers
    with Scoring(scorer) as scoring:
        return scoring.score_all(pairs)


def _word(is_right: bool) -> str:
    return "right" if is_right else "wrong"


def _paired(pairs: Sequence[tuple[Sample, bool, bool]]) -> dict[str, Any]:
    """Return the paired test of (sample, right before, right after); epochs are averaged first."""
    questions: dict[str, list[tuple[Sample, bool, bool]]] = {}
    for one in pairs:
        questions.setdefault(one[0].id, []).append(one)
    found = pair(
        [mean([was_right for _, was_right, _ in ones]) for ones in questions.values()],
        [mean([is_right for _, _, is_right in ones]) for ones in questions.values()],
        clusters=[ones[0][0].unit for ones in questions.values()],
    )
    return {
        "before": found.first,
        "after": found.second,
        "difference": found.difference.to_dict(),
        "p": found.p,
        "method": found.method,
    }


def catches(questions: Mapping[str, Question], found: Sequence[Shown]) -> dict[str, Any] | None:
    """Return what the reflections on generated problems flag; None for other questions.

    caught: wrong attempts (steps of a word problem) that a reflection follows; false_alarms: right
    ones; repaired: of the caught ones, those whose next attempt is right. Wilson's intervals take
    the attempts of one reply for independent, which they are not: they are rather too narrow.
    """
    counts, is_any = Reflections(), False
    for one in found:
        if problem := problem_of(questions[one.sample.id]):
            is_any = True
            counts += judge(problem, one.thoughts)
    if not is_any:
        return None
    return {
        "caught": share(counts.wrong_flagged, counts.wrong),
        "false_alarms": share(counts.right_flagged, counts.right),
        "repaired": share(counts.repaired, counts.wrong_flagged),
    }


def share(k: int, n: int) -> dict[str, Any]:
    """Return k of n with Wilson's interval, JSON."""
    return {"k": k, **wilson(k, n).to_dict()}
