"""The stored reference of one replay: what was said, compact, with its hash and with what it was made by.

A file is a zstd frame: one line of JSON, then the columns. Numbers keep 28 bits of their fraction (relative 4e-9) and
lie byte by byte, so that they compress; the hash of the very bits, of each topic and of all, stands in the header.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import zstandard
from numpy.typing import NDArray

from physical_ai_bench.regression.playing import Replayed
from physical_ai_bench.regression.provenance import Provenance
from physical_ai_bench.regression.spoken import Numbers, Series, Spoken, Texts
from physical_ai_bench.regression.tolerances import Tolerances
from physical_ai_core.errors import InputError

KIND: Final = "physical_ai replay reference"
SUFFIX: Final = ".reference"
FRACTION_BITS: Final = 28
LEVEL: Final = 19
MEND: Final = "Make it anew with --update-ref, once what the replay says now is known to be right."


class ReferenceError(InputError):
    """There is no usable reference."""


@dataclass(frozen=True)
class Reference:
    """`sha256`: of the very bits of everything said. `longest`, `probes`: how long arrays were kept (tolerances)."""

    part: str
    bag: str
    bag_sha256: str
    robot: str
    sha256: str
    longest: int
    probes: int
    made_by: Provenance
    spoken: Spoken


def reference_of(replayed: Replayed, tolerances: Tolerances, made_by: Provenance) -> Reference:
    facts = replayed.bag
    return Reference(
        replayed.part.name, facts.path.name, facts.sha256, facts.robot, replayed.sha256, tolerances.longest,
        tolerances.probes, made_by, replayed.spoken,
    )  # fmt: skip


def path_of(against: Path, bag: Path, part: str) -> Path:
    """Where the reference of a bag and a part lies: a `.reference` file as given, else FOLDER/BAG.PART.reference."""
    return against if against.suffix == SUFFIX else against / f"{bag.stem}.{part}{SUFFIX}"


def save(reference: Reference, path: Path) -> Path:
    """Write it whole or not at all."""
    columns: list[bytes] = []
    topics: dict[str, Any] = {}
    for topic, series in reference.spoken.items():
        entry: dict[str, Any] = {
            "count": len(series), "said": _put(columns, np.diff(series.said_ns, prepend=0)), "sha256": series.sha256,
            "numbers": {}, "texts": {},
        }  # fmt: skip
        for name, field in series.numbers.items():
            entry["numbers"][name] = [
                _put(columns, part) for part in (np.diff(field.at, prepend=0), field.counts, field.sizes)
            ] + [_put(columns, rounded(field.values))]
        for name, texts in series.texts.items():
            known = {text: index for index, text in enumerate(dict.fromkeys(texts.values))}
            codes = np.array([known[text] for text in texts.values], dtype=np.int64)
            entry["texts"][name] = [_put(columns, np.diff(texts.at, prepend=0)), _put(columns, codes), list(known)]
        topics[topic] = entry
    body = b"".join(columns)
    header = {
        "kind": KIND, "schema_version": 1,
        **{name: value for name, value in vars(reference).items() if name not in ("spoken", "made_by")},
        "made_by": asdict(reference.made_by), "body_sha256": hashlib.sha256(body).hexdigest(), "topics": topics,
    }  # fmt: skip
    text = json.dumps(header, ensure_ascii=False, sort_keys=True).encode() + b"\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(zstandard.ZstdCompressor(level=LEVEL).compress(text + body))
    part.replace(path)
    return path


def load(path: Path) -> Reference:
    """Raises ReferenceError: none there, damaged, of a later version."""
    if not path.exists():
        raise ReferenceError(
            f"There is no reference {path}.", "Make it with --update-ref, look at what it holds, and keep it."
        )
    try:
        content = zstandard.ZstdDecompressor().decompress(path.read_bytes())
        end = content.index(b"\n")
        header, body = json.loads(content[:end]), content[end + 1 :]
        if header["kind"] != KIND or header["schema_version"] != 1:
            raise ReferenceError(f"The file {path} is no reference of this version.", MEND)
        if hashlib.sha256(body).hexdigest() != header["body_sha256"]:
            raise ReferenceError(f"The reference {path} is damaged: its hash does not hold.", MEND)
        spoken = {topic: _series(entry, body) for topic, entry in header["topics"].items()}
        plain = {name: header[name] for name in Reference.__dataclass_fields__ if name not in ("spoken", "made_by")}
        return Reference(**plain, made_by=Provenance(**header["made_by"]), spoken=spoken)
    except (OSError, zstandard.ZstdError, ValueError, KeyError, TypeError, IndexError) as error:
        raise ReferenceError(f"The reference {path} cannot be read: {type(error).__name__}: {error}.", MEND) from error


def rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """With `FRACTION_BITS` of the fraction, so that they compress; infinities and NaN stay."""
    drop = 52 - FRACTION_BITS
    bits = values.view(np.int64)
    near = ((bits + (1 << (drop - 1))) & ~((1 << drop) - 1)).view(np.float64)
    return np.where(np.isfinite(values) & np.isfinite(near), near, values)


def _put(columns: list[bytes], values: NDArray[Any]) -> list[Any]:
    """Append a column, one plane for each byte of its elements. Returns [offset, length, type]."""
    if values.dtype.kind == "i":
        least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
        if least == most:  # a constant column takes no place
            return [-1, len(values), least]
        values = values.astype(
            np.min_scalar_type(least if least < 0 and -least > most else most if least >= 0 else -most)
        )
    kind = values.dtype.str
    planes = np.frombuffer(values.tobytes(), dtype=np.uint8).reshape(len(values), -1).T
    offset = sum(map(len, columns))
    columns.append(np.ascontiguousarray(planes).tobytes())
    return [offset, len(values), kind]


def _get(place: list[Any], body: bytes) -> NDArray[Any]:
    offset, length, kind = place
    if offset < 0:
        return np.full(length, kind, dtype=np.int64)
    dtype = np.dtype(kind)
    planes = np.frombuffer(body, dtype=np.uint8, count=length * dtype.itemsize, offset=offset)
    values = np.frombuffer(np.ascontiguousarray(planes.reshape(dtype.itemsize, length).T).tobytes(), dtype=dtype)
    return values.astype(np.int64) if dtype.kind in "iu" else values


def _series(entry: dict[str, Any], body: bytes) -> Series:
    numbers, texts = {}, {}
    for name, (at, counts, sizes, values) in entry["numbers"].items():
        numbers[name] = Numbers(
            np.cumsum(_get(at, body)), _get(counts, body), _get(sizes, body), _get(values, body).astype(np.float64)
        )
    for name, (at, codes, known) in entry["texts"].items():
        texts[name] = Texts(np.cumsum(_get(at, body)), tuple(known[code] for code in _get(codes, body)))
    return Series(np.cumsum(_get(entry["said"], body)), numbers, texts, entry["sha256"])
