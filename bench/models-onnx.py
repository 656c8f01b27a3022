"""The comparator of bench/models.ts: the same encoder in ONNX, run by onnxruntime's own int8 on one thread.

    models-onnx.py build WHEEL FOLDER     writes FOLDER/6.onnx and FOLDER/12.onnx, quantised dynamically to int8
    models-onnx.py run MODEL              reads "tokens count" lines, answers with CPU milliseconds of one text each

`6` is all-MiniLM-L6-v2 from the wheel that edge-en was made of; `12` has its layers twice over, which is the shape and so
the cost of multilingual-e5-small. Its vectors mean nothing.
"""

import json
import struct
import sys
import time
import zipfile
from pathlib import Path

import numpy as np

HIDDEN, HEADS, WIDTH = 384, 12, 32


def tensors_of(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("model.safetensors"))
        content = archive.read(name)
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    types = {"F32": np.float32, "F16": np.float16}
    return {
        key: np.frombuffer(content[8 + length + entry["data_offsets"][0] : 8 + length + entry["data_offsets"][1]],
                           types[entry["dtype"]]).reshape(entry["shape"]).astype(np.float32)
        for key, entry in header.items()
        if key != "__metadata__" and entry["dtype"] in types
    }


def build(wheel, folder):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import QuantType, quantize_dynamic

    tensors = tensors_of(wheel)
    for layers in (6, 12):
        nodes, constants = [], []

        def constant(name, value):
            constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
            return name

        def node(kind, inputs, output, **attributes):
            nodes.append(helper.make_node(kind, inputs, [output], name=output + "_node", **attributes))
            return output

        def norm(x, name, output):
            gain = constant(output + "_gain", tensors[name + ".weight"])
            bias = constant(output + "_bias", tensors[name + ".bias"])
            return node("LayerNormalization", [x, gain, bias], output, epsilon=1e-12)

        def linear(x, name, output):
            weight = constant(output + "_weight", tensors[name + ".weight"].T)
            bias = constant(output + "_shift", tensors[name + ".bias"])
            return node("Add", [node("MatMul", [x, weight], output + "_product"), bias], output)

        words = constant("words", tensors["embeddings.word_embeddings.weight"])
        positions = tensors["embeddings.position_embeddings.weight"] + tensors["embeddings.token_type_embeddings.weight"][0]
        x = node("Gather", [words, "ids"], "rows")
        x = node("Add", [x, node("Gather", [constant("positions", positions), "places"], "place_rows")], "placed")
        x = norm(x, "embeddings.LayerNorm", "embedded")
        split = constant("split", np.array([1, -1, HEADS, WIDTH], np.int64))
        merge = constant("merge", np.array([1, -1, HIDDEN], np.int64))
        root = constant("root", np.array(np.sqrt(WIDTH), np.float32))
        for layer in range(layers):
            name, at = f"encoder.layer.{layer % 6}.", f"l{layer}_"
            q, k, v = (
                node("Transpose", [node("Reshape", [linear(x, f"{name}attention.self.{part}", at + part), split], at + part + "_split")],
                     at + part + "_heads", perm=order)
                for part, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3]))
            )
            scores = node("Div", [node("MatMul", [q, k], at + "scores"), root], at + "scaled")
            mixed = node("MatMul", [node("Softmax", [scores], at + "weights", axis=-1), v], at + "mixed")
            context = node("Reshape", [node("Transpose", [mixed], at + "turned", perm=[0, 2, 1, 3]), merge], at + "context")
            attended = linear(context, name + "attention.output.dense", at + "attended")
            x = norm(node("Add", [attended, x], at + "sum"), name + "attention.output.LayerNorm", at + "normal")
            wide = linear(x, name + "intermediate.dense", at + "wide")
            half = constant(at + "half", np.array(0.5, np.float32))
            one = constant(at + "one", np.array(1, np.float32))
            two = constant(at + "two", np.array(np.sqrt(2), np.float32))
            phi = node("Add", [node("Erf", [node("Div", [wide, two], at + "ratio")], at + "erf"), one], at + "phi")
            bent = node("Mul", [node("Mul", [wide, phi], at + "bent"), half], at + "gelu")
            narrow = linear(bent, name + "output.dense", at + "narrow")
            x = norm(node("Add", [narrow, x], at + "sum2"), name + "output.LayerNorm", at + "out")
        node("ReduceMean", [x, constant("axes", np.array([1], np.int64))], "vector", keepdims=0)
        inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [1, "tokens"]) for name in ("ids", "places")]
        output = helper.make_tensor_value_info("vector", TensorProto.FLOAT, [1, HIDDEN])
        graph = helper.make_graph(nodes, "encoder", inputs, [output], constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
        whole = str(Path(folder) / f"{layers}-float.onnx")
        onnx.save(model, whole)
        quantize_dynamic(whole, str(Path(folder) / f"{layers}.onnx"), weight_type=QuantType.QInt8, op_types_to_quantize=["MatMul", "Gather"])


def run(path):
    import onnxruntime

    begun = time.process_time()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    print(f"{onnxruntime.__version__} {(time.process_time() - begun) * 1000}", flush=True)
    for line in sys.stdin:
        tokens, count = map(int, line.split())
        feeds = {"ids": np.arange(1000, 1000 + tokens)[None], "places": np.arange(tokens)[None]}
        begun = time.process_time()
        for _ in range(count):
            session.run(None, feeds)
        print((time.process_time() - begun) * 1000 / count, flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "build":
        build(*sys.argv[2:])
    else:
        run(sys.argv[2])
