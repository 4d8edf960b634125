"""vLLM's own engine arguments on our command line: read by its parser, handed to the engine.

vLLM is imported here, so only a command line with flags that are not ours comes here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from server.engines import vllm_settings
from server.protocol.logprobs import MAX_TOP_LOGPROBS

TOKENIZER = "replies are enforced over the tokenizer of the model folder"
SAMPLING = "the request says how to sample, and the folder's generation_config.json"
TAGS = "the server itself enforces the reply format of reflection.json and hides the reasoning"
ONLY_REPLIES = "the server serves models that write replies"
OUTSIDE = "what is kept outside the engine would outlive the weights that a promotion replaces"
NODES = "say --distributed-executor-backend ray or --data-parallel-backend ray for more nodes"
REFUSED: Mapping[str, str] = {
    "model": "the model is the first argument, FOLDER_OR_NAME",
    "served_model_name": "the name stands in the folder's reflection.json",
    "tokenizer": TOKENIZER,
    "tokenizer_mode": TOKENIZER,
    "tokenizer_revision": TOKENIZER,
    "skip_tokenizer_init": "it is always on: the engine makes no text that could leak",
    "runner": ONLY_REPLIES,
    "convert": ONLY_REPLIES,
    "pooler_config": ONLY_REPLIES,
    "diffusion_config": "the reply format is enforced token by token from the beginning",
    "generation_config": SAMPLING,
    "override_generation_config": SAMPLING,
    "logits_processors": "one more could forbid the only token that the reply format allows",
    "logprobs_mode": "the logprobs of an answer are the model's own, as OpenAI's are",
    "watermark_config": "it would choose among the tokens after the reply format has",
    "reasoning_parser": TAGS,
    "reasoning_parser_plugin": TAGS,
    "reasoning_config": TAGS,
    "structured_outputs_config": "the server constrains answers, and leaves the thinking free",
    "enable_log_requests": "it would write prompts to the log",
    "kv_transfer_config": OUTSIDE,
    "kv_offloading_backend": "vLLM's own is the one that forgets when weights change",
    "kv_events_config": "its events carry the tokens of prompts and of hidden reasoning",
    "worker_extension_cls": "the server's own, which takes new weights, stands there",
    "enable_lora": "say --lora or --max-loras",
    "max_num_queued_reqs": "say --max-queue",
    "enable_batch_sharded_sampling": "every rank must follow every reply to enforce its format",
    "nnodes": NODES,
    "node_rank": NODES,
    "data_parallel_rank": NODES,
    "data_parallel_start_rank": NODES,
    "data_parallel_hybrid_lb": NODES,
    "data_parallel_external_lb": NODES,
    "data_parallel_multi_port_external_lb": NODES,
}
ABSENT = object()


class FlagError(ValueError):
    """A command line that cannot be served, with the flag at fault and what to do instead."""


def parse(argv: list[str], ours: argparse.ArgumentParser) -> argparse.Namespace:
    """Read our flags and vLLM's, of which those that were given stand under `engine`.

    Of a flag that both have, ours is meant. Raises FlagError.
    """
    vllm, both = _parsers(ours)
    flags = [f"--{name.replace('_', '-')}" for name in vars(vllm.parse_args([]))]
    names = vars(ours.parse_args(["FOLDER_OR_NAME"])).keys()
    try:
        said = vars(both.parse_args(argv))
    except FlagError as error:
        raise FlagError(f"{error}{_near(str(error).split(), flags)}") from error
    engine = {
        name: value for name, value in said.items() if name not in names and value is not ABSENT
    }
    check(engine)
    return argparse.Namespace(**{name: said[name] for name in names}, engine=engine)


def check(engine: Mapping[str, Any]) -> None:
    """Raise FlagError for an argument that would break a promise of the server."""
    for name in engine:
        if name in REFUSED:
            raise FlagError(f"--{name.replace('_', '-')} cannot be given: {REFUSED[name]}")
    most_logprobs = engine.get("max_logprobs", MAX_TOP_LOGPROBS)
    if 0 <= most_logprobs < MAX_TOP_LOGPROBS:
        raise FlagError(
            f"--max-logprobs must be at least {MAX_TOP_LOGPROBS}, which a request may ask for and "
            f"the server always does, not {most_logprobs}: leave it out"
        )
    speculative = engine.get("speculative_config") or {}
    if speculative.get("rejection_sample_method") == "synthetic":
        raise FlagError(
            "--speculative-config cannot have the rejection_sample_method 'synthetic': it accepts "
            "drafts that the model, and so the reply format, were not asked about; leave it out"
        )


def _parsers(ours: argparse.ArgumentParser) -> tuple[argparse.ArgumentParser, ...]:
    """Return vLLM's parser and one of both; what is not given of vLLM's, both say is ABSENT."""
    vllm_settings.set_environment()
    from vllm import AsyncEngineArgs
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    class Parser(FlexibleArgumentParser):  # type: ignore[misc]  # mypy does not read vLLM
        """Raises where vLLM's would exit."""

        def error(self, message: str) -> NoReturn:
            raise FlagError(message)

    how: dict[str, Any] = {"conflict_handler": "resolve", "add_help": False, "allow_abbrev": False}
    vllm = Parser(**how)
    AsyncEngineArgs.add_cli_args(vllm)
    vllm.set_defaults(**dict.fromkeys(vars(vllm.parse_args([])), ABSENT))
    # The parent that comes last has its flags.
    both = Parser(parents=[vllm, ours], **how)
    return vllm, both


def _near(words: Iterable[str], flags: list[str]) -> str:
    """Return a hint at the flags that unknown ones may have meant, or nothing."""
    unknown = [word.partition("=")[0] for word in words if word.startswith("--")]
    near = [flag for word in unknown for flag in get_close_matches(word, flags, n=3, cutoff=0.7)]
    return f"; did you mean {' or '.join(near)}?" if near else ""
