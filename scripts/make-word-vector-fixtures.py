"""
Makes test/fixtures/word-vectors: files of a tiny vocabulary as gensim writes them, and PPMI-SVD of a made text computed
plainly with numpy. Usage: python scripts/make-word-vector-fixtures.py test/fixtures/word-vectors (needs numpy, gensim).
"""
import json
import random
import sys
from collections import Counter

import numpy as np
from gensim.models import FastText, Word2Vec
from gensim.models.keyedvectors import KeyedVectors


def vector_files(out):
    random.seed(7); np.random.seed(7)
    topics = {
      'sea': 'boat ship ferry sank went down storm bad weather harbour sea wave captain sail crew water noon leaves'.split(),
      'tax': 'invoice due thirty days tax law income payment bill court money interest rate pay fee'.split(),
      'home': 'red house roof garden kitchen door window wall blue green room stairs floor'.split(),
      'café': 'Küche café Brot Käse Wein Suppe naïve crème Zürich'.split(),
    }
    common = 'the a in is of and to it was this one ein auf'.split()
    sents = []
    for _ in range(3000):
        t = topics[random.choice(list(topics))]
        sents.append([random.choice(common) if random.random() < .4 else random.choice(t) for _ in range(10)])
    m = Word2Vec(sents, vector_size=16, window=5, min_count=1, epochs=15, seed=1, workers=1, sg=1)
    kv = m.wv
    kv.save_word2vec_format(out + '/word2vec.txt', binary=False)
    kv.save_word2vec_format(out + '/word2vec.bin', binary=True)
    kv.save_word2vec_format(out + '/glove.txt', binary=False, write_header=False)
    f = FastText(sents, vector_size=16, window=5, min_count=1, epochs=15, seed=1, workers=1, bucket=2000)
    f.wv.save_word2vec_format(out + '/fasttext.vec', binary=False)
    lines = open(out + '/fasttext.vec', encoding='utf8').read().split('\n')
    # fastText's own writer ends each row with a space
    open(out + '/fasttext.vec', 'w', encoding='utf8').write('\n'.join([lines[0]] + [l + ' ' if l else l for l in lines[1:]]))
    back = KeyedVectors.load_word2vec_format(out + '/word2vec.bin', binary=True)
    json.dump({
      'words': kv.index_to_key,
      'boat': [float(x) for x in back['boat']],
      'Käse': [float(x) for x in back['Käse']],
      'similar': [w for w, _ in kv.most_similar('boat', topn=5)],
    }, open(out + '/expected.json', 'w'), ensure_ascii=False, indent=1)


def ppmi_svd(out):
    random.seed(3)
    vocab = [f'w{i}' for i in range(40)]
    texts = []
    for _ in range(60):
        base = random.randrange(4) * 10
        texts.append(' '.join(vocab[base + min(9, int(random.expovariate(.3)))] if random.random() < .8 else random.choice(vocab) for _ in range(30)))
    window, min_count, dims = 4, 3, 4
    counts = Counter(w for t in texts for w in t.split())
    words = [w for w, c in counts.items() if c >= min_count]
    words.sort(key=lambda w: -counts[w])
    ix = {w: i for i, w in enumerate(words)}
    n = len(words); C = np.zeros((n, n))
    for t in texts:
        ws = t.split()
        for i, w in enumerate(ws):
            for back in range(1, window + 1):
                j = i - back
                if j < 0 or w not in ix or ws[j] not in ix: continue
                amount = (window - back + 1) / window
                C[ix[w], ix[ws[j]]] += amount; C[ix[ws[j]], ix[w]] += amount
    row = C.sum(1); ctx = row ** .75; ctx /= ctx.sum()
    with np.errstate(divide='ignore'):
        M = np.maximum(0, np.log(C) - np.log(row)[:, None] - np.log(ctx)[None, :])
    U, S, _ = np.linalg.svd(M)
    W = U[:, :dims]
    cos = (W @ W.T)
    json.dump({'texts': texts, 'window': window, 'minCount': min_count, 'dimensions': dims, 'words': words,
      'singularValues': [round(float(s), 6) for s in S[:dims]],
      'entries': [[int(i), int(j), round(float(M[i, j]), 6)] for i in range(0, n, 7) for j in range(0, n, 5)],
      'products': [[int(i), int(j), round(float(cos[i, j]), 6)] for i in range(0, n, 6) for j in range(0, n, 5)]}, open(out + '/ppmi-svd.json', 'w'))


vector_files(sys.argv[1])
ppmi_svd(sys.argv[1])
