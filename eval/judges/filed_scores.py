"""The scores of a judged run by the verdicts that are filed: offline, without judge or opponent."""

from __future__ import annotations

from collections.abc import Sequence

from eval.errors import RunError
from eval.judges.case import Case
from eval.judges.judge import Judge
from eval.judges.judging import Judging
from eval.judges.opponent import Block, other_side, read_opponents
from eval.judges.prompt import prompts_sha256
from eval.judges.verdicts import Verdicts
from eval.running.run_folder import RunFolder
from eval.score import Score
from eval.task import Task

Scores = dict[tuple[str, int], Score | None]


def scores_by_verdicts(folder: RunFolder, task: Task) -> Scores:
    """Score a judged run again from its folder alone: no judge, no opponent's folder is needed.

    There are no scores where no judge has decided about the run yet. Raises RunError where today's
    prompts are others: what was asked then cannot be told from them.
    """
    block = folder.manifest.get("judge")
    if not block:
        return {}
    if block["prompts_sha256"] != prompts_sha256():
        raise RunError(
            f"{folder.path} was judged with other prompts ({block['prompts_sha256'][:12]}) than "
            f"today's ({prompts_sha256()[:12]}): verify it with the code of its git_commit, or "
            "have it judged again"
        )
    judge = Judge.from_dict(block)
    cases = cases_of(folder, judging_of(task), judge, block["opponent"])
    return scores_of(cases, Verdicts(folder.path))


def judging_of(task: Task) -> Judging:
    """Return the task's judging; RunError where its questions have right answers instead."""
    if task.judging is None:
        raise RunError(f"{task.name} has right answers: no judge decides over it")
    return task.judging


def cases_of(
    folder: RunFolder, judging: Judging, judge: Judge, opponent: Block | None
) -> list[Case]:
    """Return one case a sample, in the order of the questions."""
    questions, samples = folder.questions(), folder.samples()
    epochs = sorted({epoch for _, epoch in samples})
    against = read_opponents(folder, questions, opponent)
    return [
        Case.of(judging, judge, question, sample, other_side(sample, against))
        for epoch in epochs
        for id, question in questions.items()
        if (sample := samples.get((id, epoch))) is not None
    ]


def scores_of(cases: Sequence[Case], verdicts: Verdicts) -> Scores:
    """Score each case by the verdicts there are; None for a sample without a reply."""
    return {(case.sample.id, case.sample.epoch): case.score(verdicts) for case in cases}
