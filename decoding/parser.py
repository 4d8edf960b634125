"""The stream parser: tokens or text of one reply in, in any split, text by section out.

It knows the tags and their order from the reply format, and never fails: a tag that is not legal
where it stands is text. It looks at bytes, so a tag may be cut into tokens in any way.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from decoding.format import TAGGED, ReplyFormat, Section
from decoding.passage import Passage, Trim
from decoding.text_phase import text_phases
from decoding.vocabulary import Vocabulary


class Status(StrEnum):
    """How a reply stands: open until its output closes or `flush` ends it."""

    OPEN = "open"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    UNTAGGED = "untagged"


@dataclass(frozen=True, slots=True)
class Delta:
    """More text of a section; index numbers the reflections, or the thinking blocks, from 0."""

    section: Section
    text: str
    index: int = 0


class ReplyParser:
    """The sections of one reply as they arrive; one per reply.

    Law: per section and index, the concatenation of the deltas does not depend on how the reply
    was split. No delta holds a legal tag, a part of one, or half a character. Time is linear;
    memory is bounded by the longest tag, the longest run of blanks and 8 bytes a token.

    trim drops from a section's text, next to a tag, one newline ("newline"), all blanks ("strip")
    or nothing ("none"). recover lets `<output>` open from anywhere before it, and `</thinking>`
    close an open reflection too. prefix is the start of the reply that stands in the prompt.

    Text between the sections is UNTAGGED, text after the output TRAILING; both are stripped. A
    reply that ends with status UNTAGGED has no tag: its untagged text is all there is of an answer.
    """

    def __init__(
        self,
        format: ReplyFormat,
        vocabulary: Vocabulary | None = None,
        *,
        prefix: str = "",
        trim: Trim = "newline",
        recover: bool = False,
    ) -> None:
        """Stand after the prefix, whose text yields no deltas; only `feed` needs a vocabulary."""
        self.status = Status.OPEN
        self.num_reflections = 0
        self._token_bytes = None if vocabulary is None else vocabulary.token_bytes
        self._phases = text_phases(format, trim, recover=recover)
        self._phase = self._phases["start"]
        self._passage = Passage(self._phase.trim)
        self._index = 0
        self._num_thinking = 0
        self._half_tag = b""
        self._offset = 0  # bytes fed
        self._token_offsets = array("q")  # where each token began
        self._answer: Passage | None = None
        self._answer_offset = 0
        self._is_flushed = False
        self.feed_text(prefix)

    @property
    def section(self) -> Section | None:
        """The section that is open now."""
        section = self._phase.section
        return section if section in TAGGED and not self._is_flushed else None

    @property
    def num_tokens(self) -> int:
        """Tokens fed."""
        return len(self._token_offsets)

    @property
    def num_reasoning_tokens(self) -> int:
        """Tokens up to the one that completes the output's opening tag; all, until there is one."""
        if self._answer is None:
            return self.num_tokens
        return bisect_left(self._token_offsets, self._answer_offset)

    @property
    def answer_tokens(self) -> range:
        """Positions of the fed tokens that carry the output text delivered so far, even in part."""
        if self._answer is None or self._answer.end <= self._answer.start:
            return range(0)
        start, end = (
            self._answer_offset + self._answer.start,
            self._answer_offset + self._answer.end,
        )
        first = bisect_right(self._token_offsets, start) - 1
        return range(max(first, 0), bisect_left(self._token_offsets, end))

    @property
    def num_bytes(self) -> int:
        """Bytes fed, those of the prefix included."""
        return self._offset

    @property
    def answer_start(self) -> int:
        """Where among the bytes fed the output's text begins; known once some was delivered."""
        return self._answer_offset + (self._answer.start if self._answer else 0)

    def is_text(self, data: bytes) -> bool:
        """Whether these bytes would be text alone if they came next: no tag, no part of one."""
        data = self._half_tag + data
        last = data.rfind(b"<")
        is_half_tag = last >= 0 and data[last:] in self._phase.half_tags
        return not is_half_tag and self._phase.tags.search(data) is None

    def feed(self, token_ids: Iterable[int]) -> list[Delta]:
        """Return the text that these tokens settle; ids without text only count."""
        if self._token_bytes is None:
            raise TypeError("feeding token ids needs a parser with a vocabulary")
        if self._is_flushed:
            return []
        offset = self._offset
        parts = []
        for token_id in token_ids:
            self._token_offsets.append(offset)
            part = self._token_bytes[token_id] if 0 <= token_id < len(self._token_bytes) else None
            if part:
                parts.append(part)
                offset += len(part)
        return self._advance(b"".join(parts))

    def feed_text(self, text: str | bytes) -> list[Delta]:
        """Return the text that this piece of the reply settles."""
        if self._is_flushed:
            return []
        return self._advance(text.encode(errors="surrogatepass") if isinstance(text, str) else text)

    def flush(self) -> list[Delta]:
        """End the reply: return what was held back, settle the status, ignore what comes later."""
        if self._is_flushed:
            return []
        deltas: list[Delta] = []
        self._deliver(self._passage.write(self._half_tag), deltas)
        self._deliver(self._passage.close(is_at_tag=False), deltas)
        self._is_flushed = True
        if self.status is Status.OPEN:
            is_untagged = self._phase.name == "start"
            self.status = Status.UNTAGGED if is_untagged else Status.INCOMPLETE
        return deltas

    def _advance(self, data: bytes) -> list[Delta]:
        self._offset += len(data)
        if self._half_tag:
            data = self._half_tag + data
        deltas: list[Delta] = []
        start, stop = 0, len(data)
        if b"<" in data:
            while match := self._phase.tags.search(data, start):
                self._deliver(self._passage.write(data[start : match.start()]), deltas)
                self._deliver(self._passage.close(is_at_tag=True), deltas)
                start = match.end()
                self._enter(self._phase.next[match.group()], self._offset - stop + start)
            # "<" only begins a tag: what may become one is the text from the last "<" on.
            last = data.rfind(b"<")
            if data[last:] in self._phase.half_tags:
                stop = last
        self._half_tag = data[stop:]
        if start < stop:
            self._deliver(self._passage.write(data[start:stop]), deltas)
        return deltas

    def _deliver(self, text: str, deltas: list[Delta]) -> None:
        if text:
            deltas.append(Delta(self._phase.section, text, self._index))

    def _enter(self, name: str, offset: int) -> None:
        is_back = self._phase.section is Section.REFLECTION
        self._phase = self._phases[name]
        self._passage = Passage(self._phase.trim)
        self._index = 0
        if name == "thinking":
            self._num_thinking += not is_back
            self._index = self._num_thinking - 1
        elif name == "reflection":
            self._index = self.num_reflections
            self.num_reflections += 1
        elif name == "output":
            self._answer, self._answer_offset = self._passage, offset
        elif name == "done":
            self.status = Status.COMPLETE
