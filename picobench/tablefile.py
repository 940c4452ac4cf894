# SPDX-License-Identifier: BSD-3-Clause
"""Tables on disk: CSV for everybody, Parquet with the same rows beside it."""

from pathlib import Path
from typing import TYPE_CHECKING

from picobench.errors import StorageError
from picobench.files import atomic_path

if TYPE_CHECKING:
    import pandas as pd


def write_table(path: Path, frame: "pd.DataFrame") -> None:
    """Write `frame` to `path` (CSV) and to the `.parquet` file beside it; equal frames give equal CSV bytes.

    Raises:
        StorageError: There is no space or no permission.
    """
    with atomic_path(path.with_suffix(".parquet")) as temporary:
        frame.to_parquet(temporary, index=False)
    # The CSV comes last: it is the one that the workflow waits for.
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def remove_table(path: Path) -> None:
    """Remove a table that `write_table` wrote; nothing where there is none."""
    for file in (path, path.with_suffix(".parquet")):
        file.unlink(missing_ok=True)


def read_table(path: Path) -> "pd.DataFrame":
    """Read a table that `write_table` wrote; text columns stay text, empty cells become NaN or "".

    Raises:
        StorageError: It is missing or damaged.
    """
    import pandas as pd

    try:
        return pd.read_parquet(path.with_suffix(".parquet"))
    except FileNotFoundError:
        raise StorageError(f"{path}: no such table; run the stage that makes it") from None
    except (OSError, ValueError) as error:
        raise StorageError(
            f"{path.with_suffix('.parquet')}: damaged ({error}); delete it and run again"
        ) from None
