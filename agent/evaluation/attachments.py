"""Films and pictures of an evaluation's folder, as a page may show them.

In:  relative paths out of results.jsonl, which may have come from anywhere.
Out: data: addresses up to a size in all, beyond that relative links; nothing outside the folder is ever read.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

MEDIA_TYPES = {".mp4": "video/mp4", ".webm": "video/webm", ".png": "image/png", ".jpg": "image/jpeg"}
MAX_FILE_BYTES = 8_000_000
MAX_PAGE_BYTES = 40_000_000


@dataclass(frozen=True, slots=True)
class Attachment:
    """What stands in `src`; `is_embedded` false means that the file must stay beside the page."""

    href: str
    is_embedded: bool


class Attachments:
    """Embeds files until the page would grow too large."""

    def __init__(self, folder: Path, max_page_bytes: int = MAX_PAGE_BYTES) -> None:
        self._folder = folder.resolve()
        self._left_bytes = max_page_bytes

    def attach(self, name: Any) -> Attachment | None:
        """The film or picture of that relative path; None when there is none inside the folder."""
        if not isinstance(name, str) or not name or "\0" in name:
            return None
        path = (self._folder / name).resolve()
        media_type = MEDIA_TYPES.get(path.suffix.lower())
        if media_type is None or not path.is_relative_to(self._folder) or not path.is_file():
            return None
        num_bytes = path.stat().st_size
        if num_bytes > min(MAX_FILE_BYTES, self._left_bytes):
            # "./" first: a name such as "javascript:x.mp4" must stay a path.
            return Attachment("./" + quote(path.relative_to(self._folder).as_posix()), is_embedded=False)
        self._left_bytes -= num_bytes
        text = base64.b64encode(path.read_bytes()).decode("ascii")
        return Attachment(f"data:{media_type};base64,{text}", is_embedded=True)
