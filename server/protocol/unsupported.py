"""Parameters of OpenAI's and vLLM's that this server refuses by name, each with what else to do.

A value that asks for nothing is taken as "not given", as null is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from server.protocol.answer_format import OLDER_SPELLINGS

BEGUN_ANEW = "a reply cannot be continued, it is always begun anew"
ONE_TEMPLATE = "the chat template is the model's own"
WHOLE_REPLIES = "the reply format says where a reply ends; send max_completion_tokens or stop"
ONLY_ANSWERS = "tokens are shown of answers alone; send logprobs"
TEXT_ALONE = "the model reads and writes text alone"


class Refusal(NamedTuple):
    """The values that ask for nothing, and why any other is refused."""

    neutral: tuple[Any, ...]
    why: str


UNSUPPORTED: Mapping[str, Refusal] = {
    "add_generation_prompt": Refusal((True,), BEGUN_ANEW),
    "add_special_tokens": Refusal((False,), ONE_TEMPLATE),
    "allowed_token_ids": Refusal((), "send structured_outputs"),
    "audio": Refusal((), TEXT_ALONE),
    "bad_words": Refusal(([],), "send logit_bias"),
    "best_of": Refusal((1,), "send n"),
    "chat_template": Refusal((), ONE_TEMPLATE),
    "chat_template_kwargs": Refusal(({},), ONE_TEMPLATE),
    "continue_final_message": Refusal((False,), BEGUN_ANEW),
    "documents": Refusal(([],), "write them into the messages"),
    "echo": Refusal((False,), BEGUN_ANEW),
    "function_call": Refusal(("none", "auto"), "send tool_choice"),
    "functions": Refusal(([],), "send tools"),
    "ignore_eos": Refusal((False,), WHOLE_REPLIES),
    "include_stop_str_in_output": Refusal((False,), "an answer ends before the stop string"),
    "min_tokens": Refusal((0,), "send reflection.min_answer_tokens"),
    "modalities": Refusal((["text"],), TEXT_ALONE),
    "moderation": Refusal((), "answers are not moderated here"),
    "prediction": Refusal((), "leave it out: replies are written token by token"),
    "prompt_cache_retention": Refusal(
        ("in-memory", "in_memory"), "prompts are remembered while there is room for them"
    ),
    "prompt_logprobs": Refusal((), ONLY_ANSWERS),
    "return_token_ids": Refusal((False,), ONLY_ANSWERS),
    "return_tokens_as_token_ids": Refusal((False,), ONLY_ANSWERS),
    "skip_special_tokens": Refusal((True,), "answers hold no special tokens"),
    "stop_token_ids": Refusal(([],), WHOLE_REPLIES),
    "store": Refusal((False,), "chat completions are not stored; /v1/responses stores"),
    "thinking_token_budget": Refusal((), "send reflection.max_thinking_tokens"),
    "use_beam_search": Refusal((False,), "replies are sampled"),
    "verbosity": Refusal(("medium",), "send 'medium', or ask for a length in the messages"),
    "web_search_options": Refusal((), "the server reads no web pages"),
} | {name: Refusal((), f"send {instead}") for name, instead in OLDER_SPELLINGS.items()}
NEUTRAL: Mapping[str, tuple[Any, ...]] = {name: it.neutral for name, it in UNSUPPORTED.items()}
REASONS: Mapping[str, str] = {name: it.why for name, it in UNSUPPORTED.items()}
