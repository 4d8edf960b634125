"""The bundle: a model folder and its `reflection.json`, the contract between train and server.

`train` writes it at export, `server` reads it at start. Without a `reflection.json` any Hugging
Face folder is a bundle with the default format and budgets (`has_contract` is then false).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from decoding.format import ReplyFormat

CONTRACT = "reflection.json"
SCHEMA_VERSION = 1
DEFAULT_EFFORTS: Mapping[str, int] = {
    "none": 0,
    "minimal": 64,
    "low": 512,
    "medium": 2048,
    "high": 8192,
    "xhigh": 16384,
}


class BundleError(ValueError):
    """A model folder that cannot be served, with what is missing or wrong in it."""


@dataclass(frozen=True, slots=True)
class BudgetDefaults:
    """What a request gets when it asks for nothing; all but the reflections in tokens."""

    max_thinking_tokens: int = 2048
    min_reflections: int = 0
    max_reflections: int = 8
    min_answer_tokens: int = 64
    max_tokens: int = 4096

    def __post_init__(self) -> None:
        """Raise BundleError unless every value is a count and the minimum is not the larger."""
        for name, value in asdict(self).items():
            if type(value) is not int or value < 0:
                raise BundleError(f"budgets.{name} must be an integer >= 0, not {value!r}")
        if self.min_reflections > self.max_reflections:
            raise BundleError(
                f"budgets.min_reflections ({self.min_reflections}) is larger than "
                f"max_reflections ({self.max_reflections})"
            )


@dataclass(frozen=True, slots=True)
class GoldenReply:
    """A prompt and the first tokens that the unenforced model answers greedily: the self-test."""

    prompt_token_ids: tuple[int, ...]
    token_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """A model folder with what serving must know of it; one per server, immutable.

    `efforts` maps a reasoning effort to max_thinking_tokens (0: the least the format allows).
    `temperature` and `top_p` are the sampling defaults that the bundle's figures were measured
    with; they live in generation_config.json, as every other tool expects.
    """

    folder: Path
    name: str
    stop_token_ids: tuple[int, ...]
    format: ReplyFormat = field(default_factory=ReplyFormat)
    reply_prefix: str = ""
    budgets: BudgetDefaults = field(default_factory=BudgetDefaults)
    efforts: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_EFFORTS))
    system_prompt: str | None = None
    golden_replies: tuple[GoldenReply, ...] = ()
    temperature: float = 1.0
    top_p: float = 1.0
    has_contract: bool = False

    def __post_init__(self) -> None:
        """Raise BundleError on a name, ids, efforts or sampling defaults that cannot be served."""
        if type(self.name) is not str or not self.name.strip():
            raise BundleError(f"{self.folder}: name must be a text, not {self.name!r}")
        if not self.stop_token_ids or any(type(i) is not int or i < 0 for i in self.stop_token_ids):
            raise BundleError(
                f"{self.folder}: stop_token_ids must be one or more token ids, "
                f"not {list(self.stop_token_ids)}"
            )
        for name, tokens in self.efforts.items():
            if type(tokens) is not int or tokens < 0:
                raise BundleError(
                    f"{self.folder}: efforts.{name} must be an integer >= 0, not {tokens!r}"
                )
        if not 0 <= self.temperature <= 2 or not 0 < self.top_p <= 1:
            raise BundleError(
                f"{self.folder}: temperature must be of 0 to 2 and top_p of 0 to 1, "
                f"not {self.temperature} and {self.top_p}"
            )

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a model folder; raise BundleError naming the file and what is wrong in it."""
        path = Path(folder)
        if not (path / "config.json").is_file():
            raise BundleError(f"{path} is not a model folder: it has no config.json")
        generation = _read_json(path / "generation_config.json", optional=True)
        contract = _read_json(path / CONTRACT, optional=True)
        try:
            sampling: dict[str, Any] = {
                key: 1.0 if generation.get(key) is None else float(generation[key])
                for key in ("temperature", "top_p")
            }
            if contract:
                return cls(path, **_contract_fields(contract), has_contract=True, **sampling)
            config = _read_json(path / "config.json")
            stop = generation.get("eos_token_id", config.get("eos_token_id"))
            ids = tuple(stop) if isinstance(stop, list) else () if stop is None else (stop,)
            return cls(path, path.resolve().name, ids, **sampling)
        except BundleError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            file = CONTRACT if contract else "generation_config.json"
            raise BundleError(f"{path / file}: {error}") from error

    def save(self) -> None:
        """Write reflection.json, and the sampling defaults too, atomically."""
        contract = {
            "schema_version": SCHEMA_VERSION,
            "name": self.name,
            "format": self.format.to_dict(),
            "reply_prefix": self.reply_prefix,
            "stop_token_ids": list(self.stop_token_ids),
            "budgets": asdict(self.budgets),
            "efforts": dict(self.efforts),
            "system_prompt": self.system_prompt,
            "golden_replies": [asdict(golden) for golden in self.golden_replies],
        }
        generation = _read_json(self.folder / "generation_config.json", optional=True)
        generation |= {
            "do_sample": self.temperature > 0,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "eos_token_id": list(self.stop_token_ids),
        }
        _write_json(self.folder / "generation_config.json", generation)
        _write_json(self.folder / CONTRACT, contract)


def _contract_fields(contract: dict[str, Any]) -> dict[str, Any]:
    values = dict(contract)
    version = values.pop("schema_version", None)
    if version != SCHEMA_VERSION:
        raise BundleError(f"schema_version must be {SCHEMA_VERSION}, not {version!r}")
    own = {f.name for f in fields(Bundle)} - {"folder", "temperature", "top_p", "has_contract"}
    unknown = sorted(set(values) - own)
    if unknown:
        raise BundleError(f"unknown keys {unknown}; expected some of {sorted(own)}")
    values["format"] = ReplyFormat.from_dict(values.get("format", {}))
    values["stop_token_ids"] = tuple(values["stop_token_ids"])
    values["budgets"] = BudgetDefaults(**values.get("budgets", {}))
    values["golden_replies"] = tuple(
        GoldenReply(tuple(golden["prompt_token_ids"]), tuple(golden["token_ids"]))
        for golden in values.get("golden_replies", ())
    )
    return values


def _read_json(path: Path, *, optional: bool = False) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if optional:
            return {}
        raise BundleError(f"{path} is missing") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise BundleError(f"{path} cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise BundleError(f"{path} must hold a JSON object, not a {type(document).__name__}")
    return document


def _write_json(path: Path, document: Mapping[str, Any]) -> None:
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        json.dump(document, file, indent=1, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).chmod(0o644)
    Path(file.name).replace(path)
