"""Legacy completions as chat completions, and what these answer as legacy completions again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import ValidationError

from server.errors import RequestError
from server.field_names import FieldNames
from server.model import ServedModel
from server.protocol.chat import ChatCompletionRequest
from server.protocol.completions import CompletionChoice, CompletionRequest, LegacyLogprobs
from server.protocol.errors import request_error
from server.replies.choice import AnswerDelta, ChoiceEnd, Event
from server.replies.logprobs import AnswerToken, token_text

OURS = {"prompt", "best_of", "echo", "logprobs", "stream", "stream_options"}
NAMES = FieldNames(
    {r"messages(\[\d+\][\w.\[\]]*)?": "prompt", r"top_logprobs": "logprobs"}, limit="max_tokens"
)


def read_prompts(request: CompletionRequest, model: ServedModel) -> list[str]:
    """Return the prompts as text; raise RequestError for token ids that the model does not have.

    Control tokens among them are left out: no client can write a part of the template.
    """
    size = model.vocabulary.size
    texts = []
    for prompt in request.prompt:
        if isinstance(prompt, str):
            texts.append(prompt)
        elif 0 <= min(prompt) <= max(prompt) < size:
            texts.append(model.vocabulary.decode(prompt).decode(errors="replace"))
        else:
            raise RequestError(
                f"Invalid 'prompt': the model's token ids are 0 to {size - 1}.",
                param="prompt",
                code="invalid_value",
            )
    return texts


def as_chat(request: CompletionRequest, prompt: str) -> ChatCompletionRequest:
    """Write a request for one prompt, which becomes what a user says; raises RequestError."""
    shared = CompletionRequest.model_fields.keys() - OURS
    body: dict[str, Any] = {name: getattr(request, name) for name in shared}
    body["messages"] = [{"role": "user", "content": prompt}]
    if request.logprobs is not None:
        body |= {"logprobs": True, "top_logprobs": request.logprobs}
    try:
        return ChatCompletionRequest.model_validate(body)
    except ValidationError as error:
        raise NAMES.translate(request_error(error)) from None


class CompletionWriter:
    """Turns the events of a batch into choices, or pieces of them; one per request."""

    def __init__(self, request: CompletionRequest, prompts: Sequence[str]) -> None:
        """Stand before the first event."""
        self._has_logprobs = request.logprobs is not None
        num_choices = request.n or 1
        self._prompts = [prompt for prompt in prompts for _ in range(num_choices)]
        self._is_echo = bool(request.echo)
        self._answers = [b"" for _ in self._prompts]

    def begin(self) -> Iterator[CompletionChoice]:
        """Yield the prompts, where they are to be echoed."""
        for index, prompt in enumerate(self._prompts if self._is_echo else ()):
            yield CompletionChoice(index=index, text=prompt, logprobs=None, finish_reason=None)

    def write(self, event: Event) -> CompletionChoice:
        """Return what an event adds to a choice."""
        if isinstance(event, ChoiceEnd):
            hits: dict[str, Any] = {"budget_hits": event.hits} if event.hits else {}
            reason: Any = event.finish_reason
            return CompletionChoice(
                index=event.index, text="", logprobs=None, finish_reason=reason, **hits
            )
        if not isinstance(event, AnswerDelta):
            raise TypeError("a completion has neither tools nor reasoning")
        logprobs = None
        if self._has_logprobs:
            self._answers[event.index] += event.text.encode(errors="surrogatepass")
            logprobs = _legacy(event.logprobs or (), self._answers[event.index])
        return CompletionChoice(
            index=event.index, text=event.text, logprobs=logprobs, finish_reason=None
        )

    def join(self, pieces: Sequence[CompletionChoice]) -> list[CompletionChoice]:
        """Put pieces together, those of a choice in their order; the last has its reason."""
        owned: list[list[CompletionChoice]] = [[] for _ in self._prompts]
        for piece in pieces:
            owned[piece.index].append(piece)
        choices = []
        for own in owned:
            logprobs = _joined([piece.logprobs for piece in own if piece.logprobs is not None])
            fields: dict[str, Any] = {"text": "".join(piece.text for piece in own)}
            fields["logprobs"] = logprobs if self._has_logprobs else None
            choices.append(own[-1].model_copy(update=fields))
        return choices


def _legacy(tokens: Sequence[AnswerToken], answer: bytes) -> LegacyLogprobs:
    tops = [{token_text(it.text): it.logprob for it in (*t.top, t.chosen)} for t in tokens]
    return LegacyLogprobs(
        tokens=[token_text(token.chosen.text) for token in tokens],
        token_logprobs=[token.chosen.logprob for token in tokens],
        top_logprobs=tops,
        text_offset=[len(answer[: token.offset].decode(errors="ignore")) for token in tokens],
    )


def _joined(parts: Sequence[LegacyLogprobs]) -> LegacyLogprobs:
    return LegacyLogprobs(
        tokens=[token for part in parts for token in part.tokens],
        token_logprobs=[logprob for part in parts for logprob in part.token_logprobs],
        top_logprobs=[top for part in parts for top in part.top_logprobs],
        text_offset=[offset for part in parts for offset in part.text_offset],
    )
