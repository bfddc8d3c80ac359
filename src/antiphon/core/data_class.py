"""How sensitive data is."""

from typing import Literal, get_args

DataClass = Literal["public", "internal", "confidential", "restricted"]
DATA_CLASSES: tuple[DataClass, ...] = get_args(DataClass)
"""From the least to the most sensitive."""
RANKS: dict[str, int] = {name: rank for rank, name in enumerate(DATA_CLASSES)}


def highest(*classes: DataClass | None) -> DataClass:
    """The most sensitive of some, None aside; `public` where there are none."""
    return DATA_CLASSES[max((RANKS[one] for one in classes if one is not None), default=0)]


def data_class_of(said: str) -> DataClass | None:
    """The class of this name, in any case; None: there is none."""
    rank = RANKS.get(said.strip().lower())
    return None if rank is None else DATA_CLASSES[rank]
