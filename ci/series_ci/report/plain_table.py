"""Tables for a terminal whose cells are made plain before their widths are measured."""

from __future__ import annotations

from typing import Any

import rich.table
from rich.console import RenderableType
from rich.text import Text

from series_ci.host import plain


class Table(rich.table.Table):
    """A table whose cells are made plain, so that their widths are those that are printed."""

    def add_row(self, *cells: RenderableType | None, **more: Any) -> None:  # noqa: ANN401 (rich's)
        """Add a row of cells, made plain."""
        super().add_row(*map(_cell, cells), **more)


def _cell(cell: RenderableType | None) -> RenderableType | None:
    if isinstance(cell, Text):
        return cell if cell.plain.isprintable() else Text(plain.clean(cell.plain), cell.style)
    return plain.clean(cell) if isinstance(cell, str) else cell
