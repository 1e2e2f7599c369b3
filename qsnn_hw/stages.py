"""An output folder in which every stage leaves a file and is not run again for nothing.

A stage's key is a digest of everything that decides its result: the keys of the stages before it,
its own options, and the source of this package and of what runs in the simulator. ``stages.json``
remembers the key under which each file was made and the file's digest; a stage whose key and files
still match is loaded instead of run.
"""

import functools
import hashlib
import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from qsnn_hw import files
from qsnn_hw.errors import UserError
from qsnn_hw.progress import Progress
from qsnn_hw.resources import resource_folder

MANIFEST = "stages.json"

T = TypeVar("T")


@functools.cache
def _source_digest() -> str:
    """A digest of all source: a changed program must not reuse old results, nor a changed checker."""
    total = hashlib.sha256()
    for folder in (Path(__file__).parent, resource_folder("sim")):
        for path in sorted(folder.rglob("*.py")):
            total.update(str(path.relative_to(folder)).encode())
            total.update(path.read_bytes())
    return total.hexdigest()


class Stages:
    """The stages of one output folder; safe to use from several threads.

    Parameters
    ----------
    folder
        Where the files go; made when missing.
    progress
        Told about stages that are loaded instead of run.

    Raises
    ------
    UserError
        The folder cannot be made or written, or its ``stages.json`` is damaged.
    """

    def __init__(self, folder: Path, progress: Progress) -> None:
        self.folder = folder
        self._progress = progress
        self._lock = threading.Lock()
        self._keys: dict[str, str] = {}
        manifest = folder / MANIFEST
        self._manifest: dict[str, Any] = {}
        if manifest.exists():
            found = files.read_json(manifest)
            if not isinstance(found, dict):
                raise UserError(f"{manifest} is damaged; delete it to run every stage again")
            self._manifest = found
        # A read-only folder should say so now, not after minutes of work.
        self._store()

    def run(
        self,
        stage: str,
        made: Sequence[str],
        *,
        after: Sequence[str] = (),
        options: Mapping[str, object] | None = None,
        make: Callable[[], T],
        load: Callable[[], T],
    ) -> T:
        """Run a stage, or load it when nothing that decides it has changed.

        Parameters
        ----------
        stage
            Its name.
        made
            Files it leaves, relative to the folder.
        after
            Stages whose results it uses.
        options
            JSON values that decide its result.
        make
            Does the work and leaves the files.
        load
            Reads the files back.
        """
        key = self._key(stage, after, options or {})
        self._keys[stage] = key
        known = self._manifest.get(stage)
        if known is not None and known.get("key") == key and self._intact(known, made):
            self._progress.say(f"{stage}: unchanged")
            return load()
        with self._lock:
            if self._manifest.pop(stage, None) is not None:
                self._store()
        result = make()
        digests = {name: files.digest(self.folder / name) for name in made}
        with self._lock:
            self._manifest[stage] = {"key": key, "files": digests}
            self._store()
        return result

    def finished(self, stage: str, after: Sequence[str], options: Mapping[str, object] | None = None) -> bool:
        """Whether this or an earlier run left this stage as :meth:`run` would make it now."""
        if any(name not in self._keys for name in after):
            return False
        known = self._manifest.get(stage)
        key = self._key(stage, after, options or {})
        return (
            known is not None
            and known.get("key") == key
            and self._intact(known, list(known.get("files", ())))
        )

    def _key(self, stage: str, after: Sequence[str], options: Mapping[str, object]) -> str:
        content = [stage, [self._keys[name] for name in after], options, _source_digest()]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def _intact(self, known: Mapping[str, Any], made: Sequence[str]) -> bool:
        digests = known.get("files", {})
        for name in made:
            path = self.folder / name
            if name not in digests or not path.is_file() or files.digest(path) != digests[name]:
                return False
        return True

    def _store(self) -> None:
        files.write_json(self.folder / MANIFEST, self._manifest)
