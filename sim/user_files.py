"""Files that a user's scene names: only those inside the folder of the scene file are read, and none that is huge.

In:  a path as written, relative to the file that names it.
Out: the file's path or content; ObjectFileError in one line that names the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MEGABYTE = 1_000_000


class ObjectFileError(ValueError):
    """A mesh, material, picture or URDF that cannot become an object; one line that begins with the file."""


@dataclass(frozen=True, slots=True)
class UserFolder:
    """The folder of a scene file. Links and `..` lead nowhere else."""

    root: Path

    def find(self, written: str, beside: Path, kinds: tuple[str, ...]) -> Path:
        """The existing file that `written` names, seen from the folder of the file `beside`."""
        name = written.replace("\\", "/")
        if ":" in name or name.startswith(("/", "~")) or ".." in PurePosixPath(name).parts:
            raise ObjectFileError(
                f"{written}: leads out of the folder of {beside.name}, expected a path below it. "
                "Copy the file there and write its path from there, without `..`, `package://` or a leading `/`."
            )
        path = beside.parent / name
        if not path.resolve().is_relative_to(self.root.resolve()):
            raise ObjectFileError(
                f"{written}: is a link that leads out of {self.root.name}. Copy the file itself there."
            )
        if not path.is_file():
            raise ObjectFileError(f"{written}: no such file beside {beside.name}. Put it there or mend the path.")
        if path.suffix.lower() not in kinds:
            raise ObjectFileError(f"{written}: is no {' or '.join(kinds)} file. Export it as one of these.")
        return path

    def read(self, path: Path, limit_bytes: int) -> bytes:
        """The content of a found file."""
        try:
            size_mb, limit_mb = path.stat().st_size / MEGABYTE, limit_bytes / MEGABYTE
            if size_mb > limit_mb:
                raise ObjectFileError(f"{path.name}: has {size_mb:.1f} MB, at most {limit_mb:g} MB. Make it smaller.")
            return path.read_bytes()
        except OSError as problem:
            raise ObjectFileError(f"{path.name}: cannot be read ({problem.strerror}). Make it readable.") from None

    def read_text(self, path: Path, limit_bytes: int) -> str:
        """The content as text."""
        try:
            return self.read(path, limit_bytes).decode("utf-8")
        except UnicodeDecodeError:
            raise ObjectFileError(f"{path.name}: is not UTF-8 text. Save it as text.") from None
