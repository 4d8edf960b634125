"""Training: one arm with one seed, from fresh weights or its base, to figures in a folder."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from files.hashes import file_sha256
from files.whole import write_whole
from problems.countdown import Puzzle
from train.errors import DataError
from train.evidence.arms import Arm, Scale, find
from train.evidence.lessons import Lesson
from train.evidence.measuring import TEMPERATURE, measure
from train.evidence.own_mistakes import OwnMistakes, collect
from train.evidence.puzzles import Part, puzzles
from train.evidence.recipe import ArmRecipe, arm_recipe
from train.segments import Lessons
from train.small.evaluation import CHECK_SEED, answer, figures
from train.small.labels import label
from train.small.tokenizer import train_tokenizer
from train.small.tuning import Tuning, build_model

logger = logging.getLogger(__name__)
WEIGHTS, RESULT, OWN = "weights.pt", "result.json", "own_mistakes.json"
NUM_EXAMPLES = 1000  # in which every token of a lesson is met
CONTINUED_LR = 2e-3  # of what starts from trained weights; fresh ones take the recipe's 4e-3


def folder_of(out: Path, arm: str, seed: int) -> Path:
    """Return where the arm's run with that seed lives."""
    return out / arm.replace(", ", "-").replace(" ", "-").lower() / f"seed-{seed}"


def is_done(out: Path, arm: Arm, seed: int, scale: Scale) -> bool:
    """Whether the figures of that run are there; DataError where they are of another one."""
    file = folder_of(out, arm.name, seed) / RESULT
    if not file.is_file():
        return False
    known = json.loads(file.read_text(encoding="utf-8"))["of"]
    if known != told(arm, scale):
        raise DataError(f"{file} is of another arm or scale: choose another --out, or delete it")
    return True


def told(arm: Arm, scale: Scale) -> dict[str, Any]:
    """Return the JSON form of what a run is of."""
    found: dict[str, Any] = json.loads(json.dumps({"arm": asdict(arm), "scale": asdict(scale)}))
    return found


def train_arm(out: Path, arm: Arm, seed: int, scale: Scale) -> None:
    """Train, measure and write the figures; goes on where a former call was stopped.

    Raises StoppedError at a SIGTERM, RecipeError where the folder is of another scale.
    """
    torch.set_num_threads(1)
    folder = folder_of(out, arm.name, seed)
    tokenizer = tokenizer_of(arm, scale)
    tuning = start(out, arm, seed, scale, tokenizer)
    tuning.resume()
    asked = puzzles(Part.CHECK, scale.num_check_puzzles, arm.num_numbers)
    tuning.fit(lambda model: check(model, tokenizer, asked))
    torch.save(tuning.model.state_dict(), folder / WEIGHTS)
    num_votes = 1 if arm.can_reflect else scale.num_votes
    result = {
        "format": 2,
        "arm": arm.name,
        "of": told(arm, scale),
        "seed": seed,
        "recipe": tuning.recipe.to_dict(),
        "num_parameters": sum(p.numel() for p in tuning.model.parameters()),
        "own_mistakes": _counts(tuning.recipe.lessons),
        "training": asdict(tuning.progress),
        **measure(tuning.model, tokenizer, scale.num_puzzles, num_votes, arm),
    }
    write_whole(folder / RESULT, json.dumps(result) + "\n", is_synced=True)


def tokenizer_of(arm: Arm, scale: Scale) -> Any:
    """Return the tokenizer, the same for all seeds and all arms on the same problems."""
    shape = arm_recipe(arm, 1, scale)
    return train_tokenizer(
        shape.corpus, 1, shape.vocab_size, scale.num_tokenizer_examples, shape.max_length
    )


def _counts(lessons: Lessons) -> dict[str, int]:
    """Return what was found of mistakes of the model's own; nothing where none were sought."""
    own = lessons.own if isinstance(lessons, Lesson) else None
    return asdict(own.counts) if own else {}


def start(out: Path, arm: Arm, seed: int, scale: Scale, tokenizer: Any) -> Tuning:
    """Return the run before its first step."""
    folder = folder_of(out, arm.name, seed)
    if arm.base is None:
        return Tuning(arm_recipe(arm, seed, scale), tokenizer, folder)
    weights = folder_of(out, arm.base, seed) / WEIGHTS
    if not weights.is_file():
        raise DataError(f"{arm.name} starts from {arm.base}, which is not trained: no {weights}")
    origin = file_sha256(weights)
    recipe = arm_recipe(arm, seed, scale, origin)
    model = build_model(recipe, tokenizer)
    model.load_state_dict(torch.load(weights, weights_only=True))
    if arm.mistakes != "drawn":
        own = own_mistakes(weights.parent, model, tokenizer, seed, scale)
        own = replace(own, is_used=arm.mistakes == "own")
        recipe = arm_recipe(arm, seed, scale, origin, own)
    if arm.lora_rank:
        adapt(model, arm.lora_rank, new_tokens(recipe, find(arm.base), tokenizer))
    return Tuning(_continued(recipe), tokenizer, folder, model)


def _continued(recipe: ArmRecipe) -> ArmRecipe:
    return replace(recipe, lr=CONTINUED_LR, adamw_lr=CONTINUED_LR)


def adapt(model: Any, rank: int, rows: Sequence[int]) -> None:
    """Put adapters on all linear layers; beside them only these rows of the embedding learn."""
    from peft import LoraConfig, inject_adapter_in_model

    layers = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    torch.manual_seed(0)
    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=layers)
    inject_adapter_in_model(config, model)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    embedding = model.get_input_embeddings().weight.requires_grad_(True)
    learned = torch.zeros(len(embedding), 1)
    learned[list(rows)] = 1.0
    embedding.register_hook(lambda gradient: gradient * learned)


def new_tokens(recipe: ArmRecipe, base: Arm, tokenizer: Any) -> list[int]:
    """Return the ids that the recipe's lessons have and those of its base do not."""
    before = replace(recipe.lesson, style=base.style, mask=base.mask)
    ids = [
        {
            token
            for index in range(NUM_EXAMPLES)
            for token in label(tokenizer, [lessons.example(recipe.seed, index, 1.0)])[0].ids
        }
        for lessons in (recipe.lesson, before)
    ]
    return sorted(map(int, ids[0] - ids[1]))


def own_mistakes(folder: Path, model: Any, tokenizer: Any, seed: int, scale: Scale) -> OwnMistakes:
    """Return the base's own mistakes, sought once."""
    file = folder / OWN
    if not file.is_file():
        logger.info("seeking mistakes of the model's own on %d puzzles", scale.num_own)
        model.eval()
        collect(model, tokenizer, seed, scale.num_own, scale.num_tries).save(file)
        model.train()
    return OwnMistakes.load(file)


def check(model: Any, tokenizer: Any, asked: Sequence[Puzzle]) -> dict[str, Any]:
    """Return a few figures on puzzles of their own while the training runs.

    answers: for each puzzle 1 where its answer is right, 0 where it is not
    """
    verdicts = answer(model, tokenizer, asked, TEMPERATURE, CHECK_SEED)
    found = figures(verdicts)
    names = {"right": "right", "wrong_flagged": "caught", "right_flagged": "false_alarms"}
    shares = {short: found[name]["percent"] for name, short in names.items()}
    answers = "".join(str(int(verdict.is_right)) for verdict in verdicts)
    return shares | {"tokens": found["mean_tokens"], "answers": answers}
