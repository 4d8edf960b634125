"""Judging of a run folder: ask for what is missing, score, and write both into the folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from client.endpoint import Endpoint
from eval.judges.case import Case
from eval.judges.filed_scores import Scores, cases_of, judging_of, scores_of
from eval.judges.hearing import Hearing
from eval.judges.judge import Judge
from eval.judges.judging import JUDGE_ERROR, Judging
from eval.judges.opponent import Block
from eval.judges.probe import outcome, probes
from eval.judges.prompt import prompts_sha256
from eval.judges.verdicts import Verdicts
from eval.measures.summary import summarize
from eval.running.digest import digest
from eval.running.run_folder import RunFolder
from eval.task import Task

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
    cases = cases_of(folder, judging, request.judge, request.opponent)
    probing = probes(cases, request.num_probes)
    with Verdicts(folder.path) as verdicts:
        all_cases = [*probing, *cases]
        if not _are_filed(all_cases, verdicts):
            await endpoint.models()  # says at once where nothing answers
        hearing = Hearing(endpoint, verdicts, _counter(all_cases, request.on_verdict))
        await hearing.hear(all_cases, request.concurrency)
        scores = scores_of(cases, verdicts)
        block = _block(cases, judging, request, verdicts, scores)
        block["probe"] = outcome(probing, verdicts)
    return _write(folder, task, scores, block)


def _are_filed(cases: Sequence[Case], verdicts: Verdicts) -> bool:
    return all(
        case.grades(conversation, verdicts) is not None
        for case in cases
        for conversation in case.conversations
    )


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
        "tokens": {
            "prompt": sum(reply.num_prompt_tokens or 0 for reply in replies),
            "completion": sum(reply.num_tokens or 0 for reply in replies),
        },
    }


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
