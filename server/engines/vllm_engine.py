"""The engine on vLLM: AsyncLLM with token ids in and out, and the reply format in its sampler.

vLLM is imported by `start`, after the environment variables that it reads at import are set.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, get_args

from decoding.answer import AnswerConstraint
from decoding.budget import Budget
from decoding.bundle import Bundle
from server.engines.engine import EngineDelta, EngineStats, FinishReason, Sampling, TokenLogprob
from server.engines.vllm_adapters import VllmAdapters
from server.engines.vllm_errors import translated
from server.engines.vllm_settings import EngineSettings
from server.engines.vllm_start import start_llm
from server.errors import EngineDead, EngineError, RequestError, ServerError

logger = logging.getLogger(__name__)

SHUTDOWN_S = 20.0  # vLLM kills its processes after 5 s unless told otherwise


class VllmEngine:
    """An Engine over AsyncLLM; one per process, made by `start` and used in one event loop."""

    def __init__(self, llm: Any, bundle: Bundle, settings: EngineSettings) -> None:
        """Take a started AsyncLLM; `start` is the way to get one."""
        self._llm = llm
        self._stop_token_ids = list(bundle.stop_token_ids)
        self._settings = settings
        self._is_closed = False
        most = settings.vllm.get("max_cpu_loras") or settings.max_loras
        self._adapters = VllmAdapters(llm, most)
        self._num_open = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    @classmethod
    async def start(cls, settings: EngineSettings) -> Self:
        """Load the model, in a thread: the event loop goes on answering meanwhile."""
        bundle = Bundle.load(settings.folder)
        llm = await asyncio.to_thread(start_llm, settings)
        return cls(llm, bundle, settings)

    @property
    def vocab_size(self) -> int:
        """The number of logits, which may be larger than the tokenizer's vocabulary."""
        return int(self._llm.model_config.get_vocab_size())

    @property
    def max_model_len(self) -> int:
        """The most tokens a prompt and its reply may have together."""
        return int(self._llm.model_config.max_model_len)

    @property
    def is_healthy(self) -> bool:
        """Tell whether the engine can still take requests."""
        return not (self._is_closed or self._llm.errored)

    async def generate(
        self,
        request_id: str,
        prompt_token_ids: Sequence[int],
        sampling: Sampling,
        budget: Budget | None,
        constraint: AnswerConstraint | None = None,
        cache_salt: str | None = None,
        adapter: str | None = None,
    ) -> AsyncGenerator[EngineDelta, None]:
        """Stream the reply; closing the generator aborts it; no budget leaves it unenforced.

        constraint: what the answer of an enforced reply must be; None is any text
        cache_salt: only prompts with the same one share what was computed of them
        adapter: the name of one that was added; None is the model itself
        Raises QueueFull, EngineDead, RequestError for what vLLM refuses, or EngineError for what
        else fails.
        """
        if not self.is_healthy:
            raise EngineDead("the engine has stopped")
        self._check_ids(prompt_token_ids)
        prompt = {"type": "token", "prompt_token_ids": list(prompt_token_ids)}
        if cache_salt is not None:
            prompt["cache_salt"] = cache_salt
        with translated(request_id), self._opened():
            params = self._params(sampling, budget, constraint)
            async with self._adapters.lent(adapter) as lora:
                outputs = self._llm.generate(prompt, params, request_id, lora_request=lora)
                try:
                    async for output in outputs:
                        for completion in output.outputs:
                            yield _delta(completion, request_id)
                finally:
                    await outputs.aclose()

    async def abort(self, request_id: str) -> None:
        """Stop a request; its generator ends with finish reason "abort"."""
        await self._llm.abort(request_id)

    async def drain(self, timeout_s: float) -> None:
        """Wait until every reply has been read or left, at most `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._is_idle.wait()
        except TimeoutError:
            logger.warning("%d requests are open after draining", self._num_open)

    def stats(self) -> EngineStats:
        """Count the requests the engine holds; those that have no token yet are waiting."""
        states = self._llm.output_processor.request_states.values()
        num_waiting = sum(state.is_prefilling for state in states)
        return EngineStats(num_running=len(states) - num_waiting, num_waiting=num_waiting)

    async def pause(self) -> None:
        """Wait until nothing runs, begin nothing more, and forget what is remembered of prompts."""
        with translated("pause"):
            await self._llm.pause_generation(mode="wait", clear_cache=True)

    async def resume(self) -> None:
        """Run again what waits and what comes."""
        with translated("resume"):
            await self._llm.resume_generation()

    async def reload(self, folder: Path) -> None:
        """Put a folder's weights, of the same shapes, in place of the present ones; when paused."""
        try:
            with translated("reload"):
                await self._llm.collective_rpc("take_weights", kwargs={"folder": str(folder)})
        except ServerError:
            raise
        except Exception as error:  # whatever a worker raises comes as a bare Exception
            logger.error("the weights of %s cannot be loaded: %.500s", folder, error)
            raise EngineError("the weights could not be loaded; see the server's log") from error

    async def add_adapter(self, name: str, folder: Path) -> None:
        """Load a LoRA adapter under a name of its own; raises RequestError if it does not fit."""
        try:
            with translated("add_adapter"):
                await self._adapters.add(name, folder)
        except ServerError:
            raise
        except Exception as error:
            logger.warning("the adapter of %s cannot be loaded: %.500s", folder, error)
            raise RequestError(
                f"The adapter does not fit the model: {_first_line(error)}", param="lora_path"
            ) from error

    async def remove_adapter(self, name: str) -> None:
        """Forget an adapter; replies that it writes go on to their end."""
        with translated("remove_adapter"):
            await self._adapters.remove(name)

    async def close(self) -> None:
        """Stop the engine and free what it holds; unfinished requests are aborted."""
        if self._is_closed:
            return
        self._is_closed = True
        if not self._llm.errored:
            await self._llm.abort(list(self._llm.output_processor.external_req_ids))
        if self._llm.output_handler is not None:  # or it logs the end of the engine as a failure
            self._llm.output_handler.cancel()
        await asyncio.to_thread(self._llm.shutdown, SHUTDOWN_S)
        _close_context(self._llm.engine_core.resources)

    def _check_ids(self, token_ids: Sequence[int]) -> None:
        """Raise RequestError for ids that the model does not have.

        vLLM checks them against a tokenizer, of which it has none here; in the model one such id
        would take down the engine with every request in it.
        """
        if token_ids and not 0 <= min(token_ids) <= max(token_ids) < self.vocab_size:
            raise RequestError(f"the prompt has token ids outside 0 to {self.vocab_size - 1}")

    @contextmanager
    def _opened(self) -> Iterator[None]:
        """Count an open generator: `drain` waits until there is none."""
        self._num_open += 1
        self._is_idle.clear()
        try:
            yield
        finally:
            self._num_open -= 1
            if not self._num_open:
                self._is_idle.set()

    def _params(
        self, sampling: Sampling, budget: Budget | None, constraint: AnswerConstraint | None
    ) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        if budget is not None and not self._settings.is_enforced:
            raise EngineError("a budget was given to an engine that does not enforce")
        if budget is not None and budget.max_tokens > sampling.max_tokens:
            raise EngineError(
                f"the budget's max_tokens ({budget.max_tokens}) is larger than the request's "
                f"({sampling.max_tokens})"
            )
        return SamplingParams(
            n=sampling.n,
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=sampling.seed,
            logprobs=sampling.num_logprobs,
            frequency_penalty=sampling.frequency_penalty,
            presence_penalty=sampling.presence_penalty,
            repetition_penalty=sampling.repetition_penalty,
            logit_bias=dict(sampling.logit_bias) or None,
            top_k=sampling.top_k,
            min_p=sampling.min_p,
            stop_token_ids=self._stop_token_ids,
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
            extra_args=_extra_args(budget, constraint),
            skip_clone=True,
        )


def _extra_args(
    budget: Budget | None, constraint: AnswerConstraint | None
) -> dict[str, Any] | None:
    if budget is None:
        return None
    answer = {} if constraint is None else {"answer": constraint.to_text()}
    return {"reflection": budget.to_dict() | answer}


def _close_context(resources: Any) -> None:
    """End the message context, which vLLM leaves to the garbage collector and its complaint."""
    sockets = (resources.output_socket, resources.input_socket)
    if all(socket is None or socket.closed for socket in sockets):  # else it would wait for them
        resources.ctx.destroy(linger=0)


def _delta(completion: Any, request_id: str) -> EngineDelta:
    reason = completion.finish_reason
    if reason is not None and reason not in get_args(FinishReason):
        raise EngineError(f"the engine ended {request_id} with {reason!r}")
    logprobs = completion.logprobs
    return EngineDelta(
        index=completion.index,
        token_ids=tuple(completion.token_ids),
        finish_reason=reason,
        logprobs=None if logprobs is None else tuple(_ranked(position) for position in logprobs),
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rpartition("failed: ")[2][:300]


def _ranked(position: Any) -> tuple[TokenLogprob, ...]:
    return tuple(
        TokenLogprob(token_id, entry.logprob, entry.rank) for token_id, entry in position.items()
    )
