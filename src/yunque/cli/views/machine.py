"""What this machine can and cannot do for yunque, and why."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import entry_points

from yunque.checks.linters.eslint import what_is_missing
from yunque.checks.linters.pylint import find_pylint
from yunque.core.paths import cache_folder
from yunque.models.base import FACTS
from yunque.sandbox import capabilities

PACKAGES = {
    "torch": "training and answering",
    "transformers": "model code and tokenizers",
    "peft": "LoRA",
    "accelerate": "launching",
    "tensorboard": "curves",
    "gguf": "reading the embedded base",
    "matplotlib": "plots for the cards",
    "pytest": "execution accuracy",
}
NO_PYLINT = "deeper lint; pip install 'yunque[pylint]'"
NEEDED_BYTES = {"memory": 9 << 30, "disk": 3 << 30}


SCREENING = {
    "ruff": ("ruff", "checks", "lint, obsolete forms and security of Python"),
    "bandit": ("bandit", "checks", "security of Python"),
    "kingfisher": ("kingfisher_sdk", "data", "secrets; without it our own patterns alone look"),
    "yara-x": ("yara_x", "data", "malicious code"),
    "license-expression": ("license_expression", "data", "licences as SPDX expressions"),
    "askalono": ("askalono", "data", "a second opinion on licence texts"),
    "lxml": ("lxml", "data", "Stack Exchange dumps and HTML"),
    "py7zr": ("py7zr", "seven-zip", "dumps inside .7z"),
    "datasets": ("datasets", "hub", "data sets of the Hugging Face hub"),
    "deepspeed": ("deepspeed", "deepspeed", "training in shards by ZeRO"),
}
"""Name -> module, the extra that brings it, what it is for."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    available: bool
    detail: str
    needed: bool
    """Whether ``yunque forge`` cannot do without it."""


def examine() -> list[Finding]:
    """Everything that decides what runs here, in the order a run needs it."""
    return [_python(), *_packages(), *_hardware(), _base(), *_sandbox(), *_screening()]


def prove_checks() -> list[Finding]:
    """Whether each check sees through its canaries here; takes some seconds, since every tool is started."""
    from yunque.data.screening.screen import load_checks

    names = sorted(entry_points(group="yunque.checks").names)
    findings = []
    for name in names:
        proof = load_checks([name])[0].proof
        detail = proof.doubt or proof.missing or "sees what is planted, and passes what is clean"
        believed = not (proof.doubt or proof.missing)
        findings.append(Finding(name=f"check: {name}", available=believed, detail=detail, needed=bool(proof.doubt)))
    return findings


def print_examination(findings: list[Finding]) -> None:
    """One line each under one another: first what is missing and needed, then what is missing, then what is here."""
    width = max(len(item.name) for item in findings)
    for item in sorted(findings, key=lambda item: (item.available, not item.needed)):
        mark = "yes" if item.available else "NO" if item.needed else "no"
        print(f"{mark:<3}  {item.name:<{width}}  {item.detail}")


def _python() -> Finding:
    version = platform.python_version()
    return Finding(name="python", available=sys.version_info >= (3, 11), detail=f"{version}, 3.11 or newer", needed=True)


def _packages() -> list[Finding]:
    findings = []
    for package, purpose in PACKAGES.items():
        here = importlib.util.find_spec(package) is not None
        detail = purpose if here else f"{purpose}; pip install 'yunque[forge]'"
        findings.append(Finding(name=package, available=here, detail=detail, needed=True))
    return findings


def _hardware() -> list[Finding]:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    disk = shutil.disk_usage(".").free
    cores = len(os.sched_getaffinity(0))
    return [
        Finding(name="cores", available=True, detail=f"{cores}, {_vector_units()}", needed=False),
        _enough("memory", memory, f"{memory / 1e9:.1f} GB; the laptop recipe peaks below 9 GB"),
        _enough("disk", disk, f"{disk / 1e9:.1f} GB free here; a run needs about 2 GB"),
        _gpu(),
    ]


def _enough(name: str, have: int, detail: str) -> Finding:
    return Finding(name=name, available=have >= NEEDED_BYTES[name], detail=detail, needed=False)


def _vector_units() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            flags = next((line for line in file if line.startswith("flags")), "").split()
    except OSError:
        flags = []
    known = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return f"{', '.join(known) or 'no known vector units'}; frozen weights in {'bf16' if 'amx_bf16' in known else 'float32'}"


def _gpu() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding(name="gpu", available=False, detail="unknown without torch", needed=False)
    import torch

    if torch.cuda.is_available():
        return Finding(name="gpu", available=True, detail=torch.cuda.get_device_name(), needed=False)
    return Finding(name="gpu", available=False, detail="none that torch can use; everything runs on the CPU", needed=False)


def _base() -> Finding:
    folders = sorted(path.parent.name for path in (cache_folder() / "models").glob(f"*/{FACTS}"))
    detail = ", ".join(folders) if folders else "none in the cache yet; yunque models pull"
    return Finding(name="base model", available=bool(folders), detail=detail, needed=False)


def _sandbox() -> list[Finding]:
    return [
        Finding(name=f"sandbox: {capability.name}", available=capability.available, detail=capability.detail, needed=False)
        for capability in capabilities()
    ]


def _screening() -> list[Finding]:
    """What `yunque data` and `yunque check` look with."""
    results = []
    for name, (module, extra, purpose) in SCREENING.items():
        here = importlib.util.find_spec(module) is not None
        detail = purpose if here else f"{purpose}; pip install 'yunque[{extra}]'"
        results.append(Finding(name=name, available=here, detail=detail, needed=False))
    pylint = bool(find_pylint())
    results.append(Finding(name="pylint", available=pylint, detail="deeper lint" if pylint else NO_PYLINT, needed=False))
    missing = what_is_missing()
    return [
        *results,
        Finding(name="eslint", available=not missing, detail=missing or "JavaScript, TypeScript", needed=False),
    ]
