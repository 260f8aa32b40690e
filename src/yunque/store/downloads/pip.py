"""Fetch one file of a package from pip's configured indexes, and run nothing of it.

``pip download`` of an sdist runs its build backend to learn its name; here the file alone is taken, its hash checked against
the index, and the version read from its file name.

Covered: ``index-url``, ``extra-index-url``, ``find-links``, ``no-index``, ``trusted-host``, ``cert``, ``client-cert``,
``proxy`` and ``timeout``, from pip's configuration files and ``PIP_*``; yanked files and pre-releases as pip treats them.
Not covered: constraints, retries, ``--index-strategy``: as with pip, the newest version wins whichever index has it.
"""

from __future__ import annotations

import ast
import logging
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yunque.core.errors import SourceError

if TYPE_CHECKING:
    from unearth import Package

DEFAULT_INDEX = "https://pypi.org/simple"
MAX_CONNECT_S = 15.0
"""However patient pip's time-out is, a host that does not even answer is given up after this."""
_SPEC = re.compile(r"pypi:\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*+(?:==\s*([A-Za-z0-9.!+_-]+)\s*+)?")


@dataclass(frozen=True, kw_only=True)
class IndexSettings:
    """Where pip would look for packages, and how it would connect."""

    indexes: tuple[str, ...] = (DEFAULT_INDEX,)
    find_links: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str = ""
    client_cert: str = ""
    proxy: str = ""
    timeout_s: float = 15.0


@dataclass(kw_only=True)
class Search:
    """What the indexes answered: ``packages``, best first, and why some did not answer."""

    packages: list[Package] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def parse_spec(spec: str) -> tuple[str, str]:
    """Normalised name and version (or nothing) of ``pypi:NAME[==VERSION]``. SourceError when it is written otherwise."""
    match = _SPEC.fullmatch(spec)
    if match is None:
        raise SourceError("not a package", where=spec, do="write pypi:NAME or pypi:NAME==VERSION")
    return re.sub(r"[-_.]+", "-", match[1]).lower(), match[2] or ""


def pip_settings() -> IndexSettings:
    """What pip is configured to do here, by its files and by ``PIP_*``, as ``pip config list`` reports it."""
    # -P: never import a "pip" from the folder we stand in, which may be the repository that is being collected
    command = [sys.executable, "-P", "-m", "pip", "config", "list"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode and "No module named pip" not in done.stderr:
        details = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise SourceError(f"pip's configuration cannot be read ({details})", do="mend it: see `pip config debug`")
    return settings_from(done.stdout)


def settings_from(listing: str) -> IndexSettings:
    """The settings in the output of ``pip config list`` (lines of ``section.key='value'``)."""
    by_section: dict[str, dict[str, str]] = {"global": {}, "download": {}, ":env:": {}}  # in the order in which they win
    for line in listing.splitlines():
        section, _, rest = line.partition(".")
        key, is_setting, value = rest.partition("=")
        if is_setting and section in by_section:
            try:
                by_section[section][key] = str(ast.literal_eval(value))
            except (ValueError, SyntaxError):
                continue
    have = {key: value for section in by_section.values() for key, value in section.items()}
    no_index = have.get("no-index", "").lower() in ("1", "true", "yes", "on", "y", "t")
    indexes = (have.get("index-url", DEFAULT_INDEX), *have.get("extra-index-url", "").split())
    return IndexSettings(
        indexes=() if no_index else tuple(dict.fromkeys(url for url in indexes if url)),
        find_links=tuple(dict.fromkeys(have.get("find-links", "").split())),
        trusted_hosts=tuple(have.get("trusted-host", "").split()),
        cert=have.get("cert", ""),
        client_cert=have.get("client-cert", ""),
        proxy=have.get("proxy", ""),
        timeout_s=float(have.get("timeout") or have.get("default-timeout") or 15),
    )


def download(name: str, version: str, folder: Path, max_bytes: int, *, wheel: bool = False) -> tuple[Path, dict]:
    """The sdist of a package (a wheel where there is none), and its ``version``, ``format``, ``url``, ``hash_checked``.

    ``wheel``: the other way round, its wheel if it has one.

    SourceError tells apart: no such package, no such version, no index that answers, a hash that does not match.
    """
    settings = pip_settings()
    with _client(settings) as (client, answers):
        search = find(name, settings, client, answers)
        path, facts = _fetch(choose(name, version, search, wheel=wheel), client, settings, folder, max_bytes)
    return path, {**facts, "indexes_failed": len(search.failures)}


# ---------------------------------------------------------------------------------------------------------------- finding
def find(name: str, settings: IndexSettings, client: Any, answers: list[tuple[str, int]]) -> Search:
    """Every file of a package in every index; an index that fails is noted and does not hide the others."""
    import httpx2
    from unearth import PackageFinder

    search = Search()
    places = [("index_urls", url) for url in settings.indexes] + [("find_links", path) for path in settings.find_links]
    for kind, place in places:
        answers.clear()
        try:
            # one finder for each place: a finder stops at the first one that does not answer
            where: dict[str, Any] = {kind: [place]}
            finder = PackageFinder(client, ignore_compatibility=True, **where)
            search.packages += finder.find_all_packages(name, allow_yanked=True)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError, ValueError) as error:
            search.failures.append(f"{_without_secret(place)}: {str(error) or type(error).__name__}")
        # unearth takes a server's error for an empty page; only "not found" means that there is no such package
        bad = [status for _, status in answers if status >= 400 and status not in (404, 410)]
        search.failures += [f"{_without_secret(place)} answered with status {status}" for status in bad]
    return search


def choose(name: str, version: str, search: Search, *, wheel: bool = False) -> Package:
    """The newest fitting version's sdist, else its most general wheel; ``wheel``: wheels first. SourceError without any."""
    from packaging.version import InvalidVersion, Version

    if not search.packages and search.failures:
        do = "check the network and pip's configuration (`pip config list`), or give the file's path instead"
        raise SourceError(f"no package index could be reached ({search.failures[0]})", where=f"pypi:{name}", do=do)
    if not search.packages:
        raise SourceError(f"no package named '{name}' in the configured indexes", do="check the spelling")
    known = sorted({Version(str(package.version)) for package in search.packages})
    usable = {Version(str(package.version)) for package in search.packages if not package.link.is_yanked}
    try:
        wanted = Version(version) if version else None
    except InvalidVersion:
        raise SourceError(f"'{version}' is not a version", where=f"pypi:{name}", do=_newest(known)) from None
    if wanted is None:
        released = [each for each in known if each in usable and not each.is_prerelease]
        wanted = (released or sorted(usable) or known)[-1]
    files = [package for package in search.packages if Version(str(package.version)) == wanted]
    if not files:
        raise SourceError(f"has no version {version}", where=f"pypi:{name}", do=_newest(known))
    return min(files, key=lambda package: _preference(package, wheel))


def _preference(package: Package, wheel: bool) -> tuple:
    link, name = package.link, package.link.filename
    return link.is_yanked, link.is_wheel is not wheel, not name.endswith("-none-any.whl"), "py3" not in name, name


def _newest(known: list) -> str:
    return "newest known: " + ", ".join(str(version) for version in reversed(known[-5:]))


# --------------------------------------------------------------------------------------------------------------- fetching
def _fetch(package: Package, client: Any, settings: IndexSettings, folder: Path, max_bytes: int) -> tuple[Path, dict]:
    import httpx2
    from unearth import HashMismatchError, PackageFinder, UnpackError

    where = f"pypi:{package.name}=={package.version}"

    def watch(link: object, completed: int, total: int | None) -> None:
        if max(completed, total or 0) > max_bytes:
            raise SourceError(f"the file is larger than {max_bytes} bytes", where=where, do="fetch and unpack it by hand")

    finder = PackageFinder(client, index_urls=settings.indexes or ("file:///",), ignore_compatibility=True)
    try:
        path = finder.download(package.link, folder, download_reporter=watch)
    except HashMismatchError:
        do = "try again; if it stays so, the index or the connection is tampered with"
        raise SourceError("the file does not have the hash that the index gives", where=where, do=do) from None
    except (UnpackError, httpx2.HTTPError) as error:
        raise SourceError(f"the download failed ({error})", where=where, do="check the network and run again") from error
    hashes = package.link.hash_option or {}
    return path, {
        "version": str(package.version),
        "format": "wheel" if package.link.is_wheel else "sdist",
        "url": _without_secret(package.link.redacted),
        "hash_checked": bool(hashes),
        "yanked": package.link.is_yanked,
    }


@contextmanager
def _client(settings: IndexSettings) -> Iterator[tuple[Any, list[tuple[str, int]]]]:
    """An HTTP client as pip would set it up, and the list in which it writes down each answer's status."""
    import httpx2
    from unearth.auth import MultiDomainBasicAuth
    from unearth.fetchers import PyPIClient

    logging.getLogger("unearth").addHandler(logging.NullHandler())  # what it warns of becomes our errors
    answers: list[tuple[str, int]] = []
    try:
        verify = ssl.create_default_context(cafile=settings.cert) if settings.cert else True
        client = PyPIClient(
            trusted_hosts=[*settings.trusted_hosts],
            verify=verify,
            cert=settings.client_cert or None,
            proxy=settings.proxy or None,
            timeout=httpx2.Timeout(settings.timeout_s, connect=min(settings.timeout_s, MAX_CONNECT_S)),
            follow_redirects=True,
            event_hooks={"response": [lambda response: answers.append((str(response.url), response.status_code))]},
        )
    except (OSError, ValueError) as error:
        do = "mend `cert`, `client-cert` or `proxy`: see `pip config list`"
        raise SourceError(f"pip's connection settings cannot be used ({error})", do=do) from error
    client.auth = MultiDomainBasicAuth(prompting=False, index_urls=settings.indexes)
    with client:
        yield client, answers


def _without_secret(url: str) -> str:
    return re.sub(r"://[^/@]*@", "://", url)
