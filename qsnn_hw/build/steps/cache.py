"""An output folder in which every step leaves a file and is not run again for nothing.

A step's key is a digest of everything that decides its result: its own options and source
(``build/steps/code.py``), and of every step before it the options and the content of the files it left.
``steps.json`` remembers the key under which each file was made and the file's digest; a step whose
key and files still match is loaded instead of run. So an edit of a step's source repeats that step,
and those after it only where it then leaves something else.
"""

import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from qsnn_hw.build.steps.code import code_digest
from qsnn_hw.support import files
from qsnn_hw.support.errors import UserError
from qsnn_hw.support.output_folder import check_folder_takes_files
from qsnn_hw.support.progress import Progress

MANIFEST = "steps.json"

T = TypeVar("T")


@dataclass(frozen=True)
class _Done:
    """A step that this run has made or loaded: what decided it, and digests of what it left."""

    after: tuple[str, ...]
    options: Mapping[str, object]
    digests: Mapping[str, str]


class Cache:
    """The steps of one output folder; safe to use from several threads.

    Parameters
    ----------
    folder
        Where the files go; made when missing.
    progress
        Told about steps that are loaded instead of run.

    Raises
    ------
    UserError
        The folder cannot be made or written, or its ``steps.json`` is damaged.
    """

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder = folder
        self._progress = progress
        self._lock = threading.Lock()
        self._done: dict[str, _Done] = {}
        manifest = folder / MANIFEST
        self._manifest: dict[str, Any] = {}
        if manifest.exists():
            self._manifest = _checked(files.read_json(manifest), manifest)
        # A read-only folder should say so now, not after minutes of work.
        check_folder_takes_files(folder)

    def done(self, step: str) -> bool:
        """Whether this run has made or loaded the files of ``step``."""
        return step in self._done

    def run(
        self,
        step: str,
        leaves: Sequence[str],
        *,
        after: Sequence[str] = (),
        options: Mapping[str, object] | None = None,
        code: Sequence[Callable[..., Any]],
        make: Callable[[], T],
        load: Callable[[], T],
    ) -> T:
        """Run a step, or load it when nothing that decides it has changed.

        Parameters
        ----------
        step
            Its name.
        leaves
            Files it leaves, relative to the folder.
        after
            Steps whose results it uses; those before them count as well.
        options
            JSON values that decide its result, digests of the files it reads among them.
        code
            Functions whose source decides it, and the source of all they reach: the one that makes it,
            and those whose results it takes from memory.
        make
            Does the work and leaves the files.
        load
            Reads the files back.
        """
        key = self._key(step, after, options or {}, code)
        known = self._known(step, key, leaves)
        if known is not None:
            self._progress.say(f"{step}: unchanged")
            self._finish(step, after, options, known, leaves)
            return load()
        with self._lock:
            if self._manifest.pop(step, None) is not None:
                self._store()
        result = make()
        digests = {name: files.digest(self.folder / name) for name in leaves}
        self._finish(step, after, options, digests, leaves)
        with self._lock:
            self._manifest[step] = {"key": key, "files": digests}
            self._store()
        return result

    def take(self, step: str, leaves: Sequence[str]) -> None:
        """Count ``step`` as done by what these files hold, whoever made them; in this run alone."""
        with self._lock:
            if self._manifest.pop(step, None) is not None:
                self._store()
        self._finish(step, (), {}, {name: files.digest(self.folder / name) for name in leaves}, leaves)

    def finished(
        self,
        step: str,
        leaves: Sequence[str],
        *,
        after: Sequence[str] = (),
        options: Mapping[str, object] | None = None,
        code: Sequence[Callable[..., Any]],
    ) -> bool:
        """Whether this or an earlier run left this step as :meth:`run` would make it now.

        Then it counts as done, for steps after it.
        """
        if any(name not in self._done for name in after):
            return False
        known = self._known(step, self._key(step, after, options or {}, code), leaves)
        if known is None:
            return False
        self._finish(step, after, options, known, leaves)
        return True

    def _finish(
        self,
        step: str,
        after: Sequence[str],
        options: Mapping[str, object] | None,
        digests: Mapping[str, str],
        leaves: Sequence[str],
    ) -> None:
        self._done[step] = _Done(tuple(after), options or {}, {name: digests[name] for name in leaves})

    def _key(
        self,
        step: str,
        after: Sequence[str],
        options: Mapping[str, object],
        code: Sequence[Callable[..., Any]],
    ) -> str:
        before: dict[str, object] = {}
        ahead = list(after)
        while ahead:
            name = ahead.pop()
            if name not in before:
                done = self._done[name]
                before[name] = [done.options, done.digests]
                ahead += done.after
        content = [step, options, code_digest(code), before]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _known(self, step: str, key: str, leaves: Sequence[str]) -> Mapping[str, str] | None:
        """Digests of the files of ``step``, where it was made under ``key`` and they are as it left them."""
        known = self._manifest.get(step)
        if known is None or known["key"] != key:
            return None
        digests: Mapping[str, str] = known["files"]
        for name in leaves:
            path = self.folder / name
            if name not in digests or not path.is_file() or files.digest(path) != digests[name]:
                return None
        return digests

    def _store(self) -> None:
        files.write_json(self.folder / MANIFEST, self._manifest)


def _checked(content: Any, path: Path) -> dict[str, Any]:
    """The content of ``steps.json``; UserError where it is not what :class:`Cache` writes."""

    def whole(entry: Any) -> bool:
        return (
            isinstance(entry, dict)
            and isinstance(entry.get("key"), str)
            and isinstance(entry.get("files"), dict)
        )

    if not isinstance(content, dict) or not all(whole(entry) for entry in content.values()):
        raise UserError(f"{path} is damaged; delete it to run every step again")
    return dict(content)
