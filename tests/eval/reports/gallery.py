"""A made-up set of runs that shows all a report can: two models, groups, thoughts, judges."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from eval.question import Question
from eval.running.run_folder import RunFolder
from eval.sample import Sample
from eval.score import Score
from files.journal import Journal
from tests.eval.made_up import failed, run_folder, sample, task, turn

THOUGHTS = (
    "There are {a} boxes with {b} pens each, so {a} + {b} = {wrong}.\n"
    "<reflection>Adding is wrong: each box holds {b}, so I must multiply.</reflection>\n"
    "{a} * {b} = {right}"
)
REFLECTIONS = {
    "replies": 400,
    "shown": 400,
    "rebuilt": 400,
    "format_valid": {"k": 398, "value": 0.995, "low": 0.982, "high": 0.999, "n": 400},
    "with_reflection": {"k": 211, "value": 0.5275, "low": 0.4785, "high": 0.5759, "n": 400},
    "reflections_per_answer": {"p50": 1, "p95": 2, "mean": 0.71, "n": 400},
    "corrections": {
        "n": 211,
        "wrong_to_right": 74,
        "right_to_wrong": 11,
        "right_to_right": 63,
        "wrong_to_wrong": 41,
        "none_before": 22,
        "net": 63,
        "before": 0.39,
        "after": 0.72,
        "difference": {"value": 0.33, "low": 0.24, "high": 0.42, "n": 189},
        "p": 2.1e-12,
        "method": "mcnemar",
    },
}
SUBJECTS = (
    "abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology "
    "college_chemistry college_computer_science college_mathematics college_medicine "
    "college_physics computer_security conceptual_physics econometrics electrical_engineering "
    "elementary_mathematics formal_logic global_facts high_school_biology "
    "high_school_chemistry high_school_geography high_school_physics high_school_statistics "
    "human_aging international_law jurisprudence logical_fallacies machine_learning "
    "management marketing medical_genetics miscellaneous moral_disputes moral_scenarios "
    "nutrition philosophy prehistory professional_law public_relations sociology virology "
    "world_religions"
)


def word_problems(n: int) -> list[Question]:
    """Return questions of boxes and pens."""
    rng = random.Random(1)
    return [
        Question(f"gsm8k-{i}", (f"Ann has {a} boxes of {b} pens. How many pens?",), str(a * b))
        for i in range(n)
        for a, b in [(rng.randint(2, 30), rng.randint(2, 30))]
    ]


def answered(question: Question, is_right: bool, rng: random.Random) -> Sample:
    """Return a reply with thoughts; some are cut off, empty, or have no number."""
    right = int(question.gold)
    a = int(question.turns[0].split()[2])
    found = right if is_right else right + rng.choice((1, -10, a))
    thoughts = THOUGHTS.format(a=a, b=right // a, wrong=a + right // a, right=found)
    told = turn(
        f"Ann has {found} pens.\n#### {found}",
        thinking=int(rng.lognormvariate(4.2, 0.6)),
        output=rng.randint(8, 30),
        reasoning=thoughts,
        latency_s=rng.lognormvariate(0.2, 0.5),
    )
    if not is_right and rng.random() < 0.12:
        lost = replace(told, content="", finish_reason="length")
        return sample(question.id, 0.0, extracted=None, turns=(lost,), flags=("empty", "length"))
    made = sample(question.id, float(is_right), extracted=str(found), turns=(told,))
    rule = "####" if rng.random() < 0.9 else "last number"
    return replace(made, score=Score(float(is_right), str(found), rule, float(is_right)))


def pens_run(path: Path, model: str, share: float, n: int = 400, **manifest: Any) -> RunFolder:
    """Write a run of boxes and pens, right in that share."""
    questions, rng = word_problems(n), random.Random(model)
    samples = [answered(question, rng.random() < share, rng) for question in questions]
    samples[7] = failed("gsm8k-7")
    return run_folder(path, samples, questions, model=model, reflections=REFLECTIONS, **manifest)


def letters_run(path: Path, model: str, skill: float, per_subject: int = 30) -> RunFolder:
    """Write a run of multiple choice in many subjects."""
    rng, questions, samples = random.Random(model), [], []
    for subject in SUBJECTS.split():
        hardness = random.Random(subject).uniform(-0.25, 0.2)
        for i in range(per_subject):
            id = f"mmlu-{subject}-{i}"
            row = {"choices": ["red", "green", "blue", "none of these"]}
            questions.append(Question(id, (f"{subject}, question {i}?",), "B", subject, row=row))
            is_right = rng.random() < skill + hardness
            samples.append(
                sample(id, float(is_right), group=subject, extracted="B" if is_right else "C")
            )
    figures = {"macro": {"value": skill, "low": skill - 0.02, "high": skill + 0.02}}
    of = task("mmlu", figures=lambda *_: figures)
    return run_folder(path, samples, questions, of=of, model=model, reflections="not available")


def judged_run(path: Path, model: str) -> RunFolder:
    """Write a run of matches that a judge decided, its verdicts beside it."""
    rng = random.Random(model)
    questions = [
        Question(f"koala-{i}", (f"Write a poem about {i} cats.",), None, "koala") for i in range(40)
    ]
    samples = [
        sample(
            question.id,
            float(rng.choice((0, 1, 2))),
            group="koala",
            extracted="win",
            turns=(turn("Cats, cats, cats."),),
        )
        for question in questions
    ]
    of = replace(task("pairwise"), scorer=None)
    judge = {"model": "a-judge", "opponent": None}
    folder = run_folder(path, samples, questions, of=of, model=model, judge=judge, scorer=None)
    with Journal(path / "verdicts.jsonl") as verdicts:
        for number, one in enumerate(samples):
            for order in range(2):
                told = {
                    "content": f"The first is {'livelier' if order else 'duller'}.\nScores: A=7 B=6"
                }
                about = {"id": one.id, "epoch": 0, "order": order}
                verdicts.append({"key": f"{number}-{order}", **about, "turn": told})
    return folder


def sweep(task_name: str = "gsm8k") -> dict[str, Any]:
    """Return a sweep over efforts."""
    steps = [
        ("none", 0.412, 0.0),
        ("low", 0.523, 24.1),
        ("medium", 0.588, 61.7),
        ("high", 0.601, 118.4),
    ]
    points = []
    for number, (label, value, mean) in enumerate(steps):
        difference = {"value": value - 0.412, "low": value - 0.452, "high": value - 0.372, "n": 400}
        point: dict[str, Any] = {
            "label": label,
            "score": {"value": value, "low": value - 0.048, "high": value + 0.048, "n": 400},
            "thinking": {"p50": mean, "p95": 2 * mean, "mean": mean, "n": 400},
        }
        paired = {"difference": difference, "p": 0.001, "adjusted_p": 0.003}
        points.append(point | ({"paired": paired} if number else {}))
    return {"format": 1, "task": task_name, "model": "reflect-8b", "points": points}
