"""A corpus of JSON schemas with documents, and random documents out of an automaton."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jsonschema import Draft7Validator, Draft202012Validator
from jsonschema.protocols import Validator

from decoding.grammars.dfa import Dfa

FOLDER = Path(__file__).parent / "corpus"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"
COMPACT, SPACED = (",", ":"), (", ", ": ")


@dataclass(frozen=True, slots=True)
class Case:
    """A schema; narrower: documents that it permits and that are not written.

    unchecked: jsonschema has no check of the format without further packages
    """

    name: str
    schema: Any
    valid: list[Any]
    invalid: list[Any]
    narrower: tuple[Any, ...] = ()
    unchecked: bool = False

    @property
    def validator(self) -> Validator:
        is_old = isinstance(self.schema, dict) and self.schema.get("$schema") == DRAFT_7
        kind = Draft7Validator if is_old else Draft202012Validator
        return kind(self.schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def read_cases() -> list[Case]:
    files = sorted(path for path in FOLDER.glob("*.json") if path.stem != "refused")
    return [Case(**item) for path in files for item in json.loads(path.read_text())]


def read_refused() -> list[tuple[str, Any, str]]:
    items = json.loads((FOLDER / "refused.json").read_text())
    return [(item["name"], item["schema"], item["expected"]) for item in items]


def texts_of(document: Any) -> list[bytes]:
    """Return the document as clients and models write it, with spaces and without."""
    return [
        json.dumps(document, ensure_ascii=False, separators=separators).encode()
        for separators in (COMPACT, SPACED)
    ]


class Walks:
    """Random texts of an automaton: some random bytes, then the shortest way to an end."""

    def __init__(self, dfa: Dfa, seed: int) -> None:
        """Find the way out of every state."""
        self._dfa = dfa
        self._random = random.Random(seed)
        self._distances = np.full(dfa.num_states + 1, dfa.num_states)
        ways = np.unique(
            dfa.next[:-1].astype(np.int64) * len(dfa.next) + np.arange(dfa.num_states)[:, None]
        )
        before: dict[int, list[int]] = {}
        for target, source in zip(*divmod(ways, len(dfa.next)), strict=True):
            before.setdefault(int(target), []).append(int(source))
        reached = np.flatnonzero(dfa.accepting).tolist()
        self._distances[reached] = 0
        for state in reached:  # grows within
            for source in before.get(state, ()):
                if self._distances[source] == dfa.num_states:
                    self._distances[source] = self._distances[state] + 1
                    reached.append(source)

    def text(self, num_random: int) -> bytes:
        state, text = 0, bytearray()
        while num_random > 0 or not self._dfa.accepting[state]:
            legal = np.flatnonzero(self._dfa.next[state] != self._dfa.num_states)
            if not len(legal):
                break
            if num_random > 0:
                byte = self._draw(state, legal)
            else:
                byte = int(np.argmin(self._distances[self._dfa.next[state]]))
            text.append(byte)
            state, num_random = int(self._dfa.next[state, byte]), num_random - 1
        return bytes(text)

    def _draw(self, state: int, legal: np.ndarray) -> int:
        """Choose the next state first, so that a quote is as likely as all letters together."""
        target = self._random.choice(np.unique(self._dfa.next[state, legal]).tolist())
        return int(self._random.choice(legal[self._dfa.next[state, legal] == target].tolist()))
