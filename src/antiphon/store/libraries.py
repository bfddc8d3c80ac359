"""Libraries of Parquet files: loaded when one is read or written."""

import importlib
from types import ModuleType
from typing import Literal

from antiphon.core.error import StoreError


def library(module: str, extra: Literal["parquet", "reports"], purpose: str) -> ModuleType:
    """A module of an optional library.

    Args:
        extra: The extra of this package that brings it.
        purpose: What for, as the start of a sentence.
    Raises: StoreError when it is not installed; it names the extra.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        absent = (error.name or module).partition(".")[0]
        raise StoreError(
            f"{purpose} needs {absent}, which is not installed; run: pip install 'antiphon[{extra}]'"
        ) from None
