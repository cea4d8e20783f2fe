"""What a manifest permits its series to have though other series may not."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from series_ci.manifest.fields import Line, Strict


class Permit(Strict):
    """One kind of thing that is refused elsewhere and belongs to this series."""

    kind: Literal["attributes", "binary", "name", "size", "submodule", "symlink"] = Field(
        description="attributes: a .gitattributes file; binary: a file that is no text, such as a picture; "
        "name: a file name with control characters, or such that look like others; size: a mail of more than 4 MiB, or "
        "a file of more than 32; submodule: another repository's commit, or a .gitmodules file; symlink: a link that "
        "leads out of the tree"
    )
    path: str = Field(
        "",
        description="the file, or a folder with '/' behind it; without it all files of the series",
        examples=["Documentation/images/logo.gif", "drivers/video/logo/"],
    )
    reason: Line = Field(description="why the series has it, for the reports")

    def covers(self, kind: str, path: str) -> bool:
        """Return whether this permits a thing of that kind. `path` is "" for one that belongs to no single file."""
        inside = self.path.endswith("/") and path.startswith(self.path)
        return kind == self.kind and (inside or self.path in ("", path))
