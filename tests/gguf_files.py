"""Write small GGUF files, and unpack quantised numbers one by one, as the description of the format specifies."""

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

F32, Q5_0, Q8_0, Q4_K, Q6_K = 0, 6, 8, 12, 14
ALIGNMENT = 32


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def entry(value: Any) -> bytes:
    """Return a metadata value after its type."""
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    inner = entry(value[0])[:4]
    return struct.pack("<I", 9) + inner + struct.pack("<Q", len(value)) + b"".join(entry(each)[4:] for each in value)


def write_gguf(path: Path, metadata: Mapping[str, Any], tensors: Mapping[str, tuple[int, tuple[int, ...], bytes]]) -> Path:
    """Write a file; a tensor is given as its type, its shape (rows first) and its bytes."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(text(key) + entry(value) for key, value in metadata.items())
    body = b""
    for name, (kind, shape, data) in tensors.items():
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *reversed(shape))
        head += struct.pack("<IQ", kind, len(body))
        body += data + bytes(-len(data) % ALIGNMENT)
    path.write_bytes(head + bytes(-len(head) % ALIGNMENT) + body)
    return path


def floats(array: Any) -> tuple[int, tuple[int, ...], bytes]:
    """Return a tensor of unquantised float32 numbers."""
    array = np.ascontiguousarray(array, dtype="<f4")
    return F32, array.shape, array.tobytes()


def half(data: bytes) -> float:
    return float(np.frombuffer(data, dtype="<f2")[0])


def signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def q8_0(block: bytes) -> list[float]:
    return [half(block[:2]) * signed(byte) for byte in block[2:]]


def q5_0(block: bytes) -> list[float]:
    scale, (fifth,) = half(block[:2]), struct.unpack("<I", block[2:6])
    lower = [byte & 15 for byte in block[6:]] + [byte >> 4 for byte in block[6:]]
    return [scale * ((number | ((fifth >> place & 1) << 4)) - 16) for place, number in enumerate(lower)]


def q4_k(block: bytes) -> list[float]:
    scale, least, packed, numbers = half(block[:2]), half(block[2:4]), block[4:16], block[16:]
    out = []
    for part in range(8):
        if part < 4:
            s, m = packed[part] & 63, packed[part + 4] & 63
        else:
            s = (packed[part + 4] & 15) | (packed[part - 4] >> 6 << 4)
            m = (packed[part + 4] >> 4) | (packed[part] >> 6 << 4)
        for byte in numbers[part // 2 * 32 : part // 2 * 32 + 32]:
            out.append(scale * s * (byte >> 4 if part % 2 else byte & 15) - least * m)
    return out


def q6_k(block: bytes) -> list[float]:
    lower, upper, scales, scale = block[:128], block[128:192], block[192:208], half(block[208:])
    out = [0.0] * 256
    for place in range(256):
        half_of, rest = divmod(place, 128)
        quarter, at = divmod(rest, 32)
        byte = lower[half_of * 64 + (quarter % 2) * 32 + at]
        number = (byte >> 4 if quarter > 1 else byte & 15) | ((upper[half_of * 32 + at] >> (2 * quarter) & 3) << 4)
        out[place] = scale * signed(scales[place // 16]) * (number - 32)
    return out


PACKINGS = {Q5_0: (32, 22, q5_0), Q8_0: (32, 34, q8_0), Q4_K: (256, 144, q4_k), Q6_K: (256, 210, q6_k)}
"""For each tensor type: the numbers and the bytes of a block, and the function that unpacks it."""
SCALES = {Q5_0: (0,), Q8_0: (0,), Q4_K: (0, 2), Q6_K: (208,)}
"""Offsets of the float16 scales in a block; they must be finite, while all other bytes may be arbitrary."""


def packed(kind: int, rows: int, columns: int, seed: int = 0) -> bytes:
    """Return the bytes of a matrix of arbitrary quantised numbers."""
    numbers, width, _ = PACKINGS[kind]
    blocks = np.random.default_rng(seed).integers(0, 256, (rows * columns // numbers, width), dtype=np.uint8)
    for place in SCALES[kind]:
        scales = np.linspace(0.001, 0.01, len(blocks)).astype("<f2")
        blocks[:, place : place + 2] = scales.view(np.uint8).reshape(-1, 2)
    return blocks.tobytes()


def unpacked(kind: int, data: bytes, columns: int) -> Any:
    """Return the numbers that `packed` encodes, float32 of shape (rows, columns)."""
    _, width, of = PACKINGS[kind]
    blocks = [of(data[start : start + width]) for start in range(0, len(data), width)]
    return np.array(blocks, dtype=np.float32).reshape(-1, columns)
