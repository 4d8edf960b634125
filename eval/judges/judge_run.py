"""Judging of a run folder: ask for what is missing, score by what is filed; offline too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eval.errors import RunError
from eval.judges.case import Case
from eval.judges.hearing import Hearing
from eval.judges.judge import Judge
from eval.judges.judging import JUDGE_ERROR, Judging
from eval.judges.opponent import Block, other_side, read_opponents
from eval.judges.probe import outcome, probes
from eval.judges.prompt import prompts_sha256
from eval.judges.verdicts import Verdicts
from eval.measures.summary import summarize
from eval.running.digest import digest
from eval.running.endpoint import Endpoint
from eval.running.run_folder import RunFolder
from eval.sample import Turn
from eval.score import Score
from eval.task import Task

Scores = dict[tuple[str, int], Score | None]
OnVerdict = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is wanted: this judge, against this other side (the manifest's block), so many at once.

    num_probes: questions about which the judge is shown a constant answer too
    on_verdict: called with the number of verdicts that are settled, and of all
    """

    judge: Judge
    opponent: Block | None
    concurrency: int = 8
    num_probes: int = 0
    on_verdict: OnVerdict | None = None


async def judge_run(
    folder: RunFolder, task: Task, request: Request, endpoint: Endpoint
) -> dict[str, Any]:
    """Have every sample judged, score them, and return the manifest, which is written too.

    `folder` is open for writing. Verdicts that are filed are not asked for again; where none is
    missing, no judge need be there. Raises EndpointError where one is missing and no judge is
    there, RunError where it keeps failing; what it decided until then is kept.
    """
    judging = judging_of(task)
    cases = _cases(folder, judging, request.judge, request.opponent)
    probing = probes(cases, request.num_probes)
    with Verdicts(folder.path) as verdicts:
        all_cases = [*probing, *cases]
        if not _are_filed(all_cases, verdicts):
            await endpoint.models()  # says at once where nothing answers
        hearing = Hearing(endpoint, verdicts, _counter(all_cases, request.on_verdict))
        await hearing.hear(all_cases, request.concurrency)
        scores = _scores(cases, verdicts)
        block = _block(cases, judging, request, verdicts, scores)
        block["probe"] = outcome(probing, verdicts)
    return _write(folder, task, scores, block)


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
    cases = _cases(folder, judging_of(task), judge, block["opponent"])
    return _scores(cases, Verdicts(folder.path))


def judging_of(task: Task) -> Judging:
    """Return the task's judging; RunError where its questions have right answers instead."""
    if task.judging is None:
        raise RunError(f"{task.name} has right answers: no judge decides over it")
    return task.judging


def _cases(folder: RunFolder, judging: Judging, judge: Judge, opponent: Block | None) -> list[Case]:
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


def _are_filed(cases: Sequence[Case], verdicts: Verdicts) -> bool:
    return all(
        case.grades(conversation, verdicts) is not None
        for case in cases
        for conversation in case.conversations
    )


def _scores(cases: Sequence[Case], verdicts: Verdicts) -> Scores:
    return {(case.sample.id, case.sample.epoch): case.score(verdicts) for case in cases}


def _counter(cases: Sequence[Case], on_verdict: OnVerdict | None) -> Callable[[], None]:
    total, done = sum(len(case.conversations) for case in cases), 0

    def count() -> None:
        nonlocal done
        done += 1
        if on_verdict is not None:
            on_verdict(done, total)

    return count


def _block(
    cases: Sequence[Case], judging: Judging, request: Request, verdicts: Verdicts, scores: Scores
) -> dict[str, Any]:
    """Return what the manifest says of the judging; no address and no key of the judge."""
    heard = [
        list(case.replies(conversation, verdicts))
        for case in cases
        for conversation in case.conversations
    ]
    replies = [reply for ones in heard for reply in ones]
    return {
        **request.judge.to_dict(),
        "judging": {"name": judging.name, "version": judging.version, "unit": judging.unit},
        "prompts_sha256": prompts_sha256(),
        "opponent": request.opponent,
        "system_fingerprints": sorted({one.fingerprint for one in replies if one.fingerprint}),
        "verdicts": sum(map(bool, heard)),
        "reminders": sum(len(ones) > 1 for ones in heard),
        "errors": sum(JUDGE_ERROR in score.flags for score in scores.values() if score),
        "tokens": {name: _tokens(replies, name) for name in ("prompt", "completion")},
    }


def _tokens(replies: Sequence[Turn], name: str) -> int:
    counts = [(reply.usage or {}).get(f"{name}_tokens") for reply in replies]
    return sum(count for count in counts if isinstance(count, int))


def _write(folder: RunFolder, task: Task, scores: Scores, block: dict[str, Any]) -> dict[str, Any]:
    """Append the samples whose score is new, then replace the manifest."""
    samples = folder.samples()
    for key, score in scores.items():
        if samples[key].score != score:
            samples[key] = replace(samples[key], score=score)
            folder.append(samples[key])
    listed = sorted(samples.values(), key=lambda sample: (sample.epoch, sample.id))
    summary = summarize(task, folder.questions(), listed)
    told = {name: summary[name] for name in ("counts", "scores")}
    manifest = {**folder.manifest, "judge": block, **told, "digest": digest(listed)}
    folder.write_manifest(manifest)
    return manifest
