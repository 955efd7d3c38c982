"""Receipts: what was removed, how many, when and why, as `receipts/*.json` under FIT_HOME. Counts, never contents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from fit_platform.accounts.files import write_private

Kind = Literal["retention", "revocation", "erasure"]


class Removed(BaseModel):
    """What went, counted. `days`: athlete-days of landing; `lines`: objects, tombstones and rejected bodies in them."""

    model_config = ConfigDict(frozen=True)

    days: int = 0
    landing_objects: int = 0
    landing_versions: int = 0
    lines: int = 0
    base_rows: dict[str, int] = {}
    change_events: int = 0


class Receipt(BaseModel):
    """Proof of one removal. Names the athlete by our id and nothing else of the person."""

    model_config = ConfigDict(frozen=True)

    kind: Kind
    athlete_id: str
    providers: tuple[str, ...]
    why: str
    at: AwareDatetime
    removed: Removed
    notes: tuple[str, ...] = ()


def receipts_folder(home: Path) -> Path:
    """Where receipts are kept; `home` is FIT_HOME."""
    return home / "receipts"


def write_receipt(home: Path, receipt: Receipt) -> Path:
    """Write a receipt and return its path. The same receipt again is the same file."""
    providers = "-".join(receipt.providers)
    name = f"{receipt.at:%Y%m%dT%H%M%SZ}_{receipt.kind}_{receipt.athlete_id}_{providers}.json"
    path = receipts_folder(home) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, receipt.model_dump_json(indent=2).encode() + b"\n")
    return path


def receipts_of(home: Path, athlete_id: str) -> Iterator[Path]:
    """Every receipt of an athlete, oldest first."""
    for path in sorted(receipts_folder(home).glob("*.json")):
        if Receipt.model_validate_json(path.read_bytes()).athlete_id == athlete_id:
            yield path
