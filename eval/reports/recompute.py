"""What it takes to recompute a run: its command, and the facts that make it the same run."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

OURS = "ours"


def command(manifest: Mapping[str, Any]) -> str:
    """Return the command line that asks the same questions in the same way."""
    words = ["reflect", "eval", "run", manifest["task"], "--model", manifest["model"]]
    protocol, treatment = manifest.get("protocol", {}), manifest.get("treatment", {})
    words += _flags(protocol, ("few_shot", "system", "top_p", "max_tokens"))
    if (name := protocol.get("name", OURS)) != OURS:
        words += ["--protocol", name]
    asked = protocol.get("temperature")
    words += ["--temperature", "model" if asked is None else f"{asked:.10g}"]
    words += _flags(treatment, ("effort", "seed"))
    words += [
        word
        for name in ("epochs", "repeat")
        if treatment.get(name, 1) > 1
        for word in (f"--{name}", str(treatment[name]))
    ]
    for name, value in treatment.get("fields", {}).items():
        words += ["--field", f"{name}={json.dumps(value)}"]
    words += _flags(manifest.get("data", {}), ("limit",))
    if not str(manifest.get("data", {}).get("origin", "")).startswith("generated"):
        words += ["--data", "DATA"]
    return shlex.join(words)


def _flags(part: Mapping[str, Any], names: tuple[str, ...]) -> list[str]:
    told = ((name, part.get(name)) for name in names)
    return [
        word
        for name, value in told
        if value is not None
        for word in (f"--{name.replace('_', '-')}", str(value))
    ]


def facts(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what else must be equal, by name; what is not known is left out."""
    data, scorer = manifest.get("data", {}), manifest.get("scorer") or {}
    judge = manifest.get("judge") or {}
    told = {
        "status": manifest.get("status"),
        "digest of the samples": manifest.get("digest"),
        "data": data.get("origin"),
        "data, sha256": data.get("sha256"),
        "prompts, sha256": manifest.get("protocol", {}).get("prompts_sha256"),
        "scorer": f"{scorer['name']}, version {scorer['version']}" if scorer else None,
        "judge": judge.get("model"),
        "weights, sha256": manifest.get("weights_sha256"),
        "system fingerprints": ", ".join(manifest.get("system_fingerprints", ())),
        "commit": manifest.get("git_commit"),
        "versions": _versions(manifest.get("versions", {})),
        "started": manifest.get("started"),
        "ended": manifest.get("ended"),
    }
    for name, value in told.items():
        if value:
            yield name, str(value)


def _versions(versions: Mapping[str, Any]) -> str:
    flat = {**versions, **versions.get("packages", {})}
    return ", ".join(f"{name} {value}" for name, value in flat.items() if isinstance(value, str))
