"""Fetch one version of a package with the npm client as it is configured here, and run nothing of it.

``npm view`` tells the exact version and its hash, ``npm pack`` brings that file; both run in an empty folder, so that no
``.npmrc`` of the folder we stand in is read, and without scripts.

Covered: registries, scopes, tokens, proxies and certificates, as npm's own configuration files and ``npm_config_*`` say.
Not covered: ranges (``^1.0``), aliases, git and file specs (refused); npm holds the file in memory while it fetches it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import resource
import subprocess
from pathlib import Path

from yunque.core.errors import SourceError

TIMEOUT_S = 600
_NAME = r"(?:@[a-z0-9][a-z0-9._~-]*/)?[A-Za-z0-9_][A-Za-z0-9._~-]*"
_SPEC = re.compile(rf"npm:\s*({_NAME})\s*+(?:@\s*([A-Za-z0-9][A-Za-z0-9.+_-]*)\s*+)?")
_FILE = re.compile(r"\.(?:tgz|tar|tar\.gz)$", re.IGNORECASE)
_FLAGS = (
    *("--json", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error", "--logs-max=0"),
    *("--fetch-retries=1", "--fetch-retry-mintimeout=1000"),  # a host that does not answer is given up within seconds
)
_UNREACHABLE = re.compile(r"E(?:CONN\w+|NOTFOUND|AI_\w+|TIMEDOUT|HOSTUNREACH|NETUNREACH|NETWORK|RR_SOCKET_TIMEOUT)$")
_STRONGEST = ("sha512", "sha384", "sha256", "sha1")


class _NpmError(Exception):
    """Npm said no: its code (``E404``) and its line."""

    def __init__(self, code: str, line: str) -> None:
        self.code, self.line = code, line
        super().__init__(line)


def parse_spec(spec: str) -> tuple[str, str]:
    """Name and version or tag (or nothing) of ``npm:NAME[@VERSION]``. SourceError when it is written otherwise."""
    match = _SPEC.fullmatch(spec)
    if match is None or _FILE.search(match[1]) or _FILE.search(match[2] or ""):  # npm would read a file of that name
        raise SourceError("not a package", where=spec, do="write npm:NAME, npm:NAME@VERSION or npm:@SCOPE/NAME@VERSION")
    return match[1], match[2] or ""


def download(name: str, version: str, folder: Path, max_bytes: int) -> tuple[Path, dict]:
    """The ``.tgz`` of a package in the empty ``folder``, and its ``version``, ``format``, ``url``, ``hash_checked``.

    SourceError tells apart: npm is missing, no such package, no such version, no registry that answers, too large, a hash
    that does not match.
    """
    where = f"npm:{name}@{version}" if version else f"npm:{name}"
    try:
        details = _view(name, version, where, folder, max_bytes)
        exact, dist = details["version"], details["dist"]
        if int(dist.get("unpackedSize") or 0) > max_bytes:
            raise SourceError(f"unpacks to more than {max_bytes} bytes", where=where, do="fetch and unpack it by hand")
        _npm(["pack", f"{name}@{exact}"], folder, max_bytes)
    except _NpmError as error:
        raise _refusal(error, name, version, where) from None
    files = sorted(folder.glob("*.tgz"))
    if len(files) != 1 or files[0].stat().st_size > max_bytes:
        raise SourceError("npm brought no file, or one that is too large", where=where, do="try `npm pack` by hand")
    checked = _check(files[0], str(dist.get("integrity") or ""), str(dist.get("shasum") or ""), where)
    url = re.sub(r"://[^/@]*@", "://", str(dist.get("tarball") or ""))
    return files[0], {"version": exact, "format": "npm", "url": url, "hash_checked": checked}


def _view(name: str, version: str, where: str, folder: Path, max_bytes: int) -> dict:
    """``version`` and ``dist`` of the package as the registry tells them."""
    facts = _npm(["view", f"{name}@{version or 'latest'}", "version", "dist"], folder, max_bytes)
    facts = facts[-1] if isinstance(facts, list) and facts else facts  # a tag that several versions answer to
    if not isinstance(facts, dict) or not facts:
        raise _NpmError("ETARGET", "no such version")
    exact, dist = facts.get("version"), facts.get("dist")
    if not isinstance(exact, str) or not _SPEC.fullmatch(f"npm:{name}@{exact}") or not isinstance(dist, dict):
        raise SourceError("the registry's answer cannot be read", where=where, do="see `npm view` by hand")
    return facts


def _check(path: Path, integrity: str, shasum: str, where: str) -> bool:
    """Whether the registry gave a hash. SourceError when the file does not have it."""
    given = [part.partition("?")[0].partition("-") for part in integrity.split()]
    known = {name: value for name, _, value in given if name in _STRONGEST}
    if not known and re.fullmatch(r"[0-9a-f]{40}", shasum):
        known = {"sha1": base64.b64encode(bytes.fromhex(shasum)).decode()}
    if not known:
        return False
    name = next(item for item in _STRONGEST if item in known)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, lambda: hashlib.new(name, usedforsecurity=False)).digest()
    if base64.b64encode(digest).decode() != known[name]:
        raise _tampered(where)
    return True


def _tampered(where: str) -> SourceError:
    do = "try again; if it stays so, the registry or the connection is tampered with"
    return SourceError("the file does not have the hash that the registry gives", where=where, do=do)


def _refusal(error: _NpmError, name: str, version: str, where: str) -> SourceError:
    """Npm's error in our words."""
    if error.code == "ETARGET" or (error.code == "E404" and "No match found" in error.line):
        what = f"has no version or tag '{version or 'latest'}'"
        return SourceError(what, where=f"npm:{name}", do=f"see `npm view {name} versions`")
    if error.code in ("E404", "E405"):
        return SourceError(f"no package named '{name}' in the configured registry", do="check the spelling")
    if error.code in ("EINTEGRITY", "EBADSIZE"):
        return _tampered(where)
    if error.code == "EFBIG":
        return SourceError("the file is too large", where=where, do="fetch and unpack it by hand")
    if _UNREACHABLE.match(error.code):
        do = "check the network and npm's configuration (`npm config list`), or give the file's path instead"
        return SourceError(f"no package registry could be reached ({error.line})", where=where, do=do)
    return SourceError(f"the download failed ({error.line})", where=where, do="see `npm pack` by hand, and run again")


def _npm(arguments: list[str], folder: Path, max_bytes: int) -> object:
    """What npm answers, read as JSON. Raises ``_NpmError``; SourceError when there is no npm."""
    folder = folder.resolve()  # npm runs there, and would take a relative path for one below it
    # --prefix: or npm looks for a project, and its .npmrc, in the folders above
    command = ["npm", *_FLAGS, f"--prefix={folder}", f"--pack-destination={folder}", *arguments]
    env = {name: value for name, value in os.environ.items() if name.lower() != "npm_config_dry_run"}
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
    except (FileNotFoundError, PermissionError):
        raise SourceError("npm is not installed", do="install Node.js with npm, or name the .tgz itself") from None
    with process:
        try:
            # no file of npm's, its cache included, may become larger than the whole source
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (max_bytes, max_bytes))
            out, err = process.communicate(timeout=TIMEOUT_S)
        except ProcessLookupError:
            out, err = process.communicate()
        except subprocess.TimeoutExpired:
            process.kill()
            raise _NpmError("ETIMEDOUT", f"no answer in {TIMEOUT_S} s") from None
    try:
        loads = json.loads(out or b"null")
    except ValueError:
        loads = None
    failed = loads.get("error") if isinstance(loads, dict) else None
    if process.returncode or failed:
        failed = failed if isinstance(failed, dict) else {}
        lines = [line for line in err.decode("utf-8", "replace").splitlines() if line.strip()]
        line = str(failed.get("summary") or (lines or [f"exit code {process.returncode}"])[0])
        raise _NpmError(str(failed.get("code") or "E"), re.sub(r"://[^/@\s]*@", "://", " ".join(line.split()))[:300])
    return loads
