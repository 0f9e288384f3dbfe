"""A policy as an ONNX model: from a raw observation to an action, in one graph. The home of onnx, an extra.

The graph is written out node by node: an affine map and an activation per layer need no tracer. Equal
policies give equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ppo_cli import __version__
from ppo_cli.export.arrays import Array, Layers, PolicyArrays
from ppo_cli.export.origin import Origin

if TYPE_CHECKING:
    from onnx import ModelProto

# Of 2020: whatever runs ONNX today runs these, and nothing below needs a newer one.
OPSET, IR_VERSION = 13, 7
_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh"}
_HOW_TO_USE = (
    "Give raw observations, float32 [batch, {obs_size}]; normalisation and action bounds are inside. "
    "`action` is what the policy does when it takes its most likely action. {extra}"
)


def onnx_file(arrays: PolicyArrays, origin: Origin) -> bytes:
    """The bytes of an ONNX model.

    Its input is ``observations``, float32 ``[batch, O]``. Its outputs are

    * ``action``: int64 ``[batch]``, counted from 0, or float32 ``[batch, A]`` inside the bounds;
    * ``logits`` ``[batch, A]`` of a discrete action, or ``mean`` ``[batch, A]``, before the bounds, and
      ``log_std`` ``[A]`` of a box action: what is needed to sample;
    * ``value`` ``[batch]``, where the algorithm learns one.
    """
    graph = _Graph()
    obs = _normalized(graph, arrays)
    outputs = _action(graph, arrays, _network(graph, "actor", arrays.actor, arrays.activation, obs))
    if arrays.critic is not None:
        value = _network(graph, "critic", arrays.critic, arrays.activation, obs)
        graph.add("Squeeze", "value", value, graph.constant("value_axis", np.array([1], np.int64)))
        outputs["value"] = (np.float32, ["batch"])
    data: bytes = _model(graph, arrays, outputs, origin).SerializeToString(deterministic=True)
    return data


class _Graph:
    """Nodes and constants, in the order in which they were added."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, name: str, value: Array) -> str:
        """Add a constant; its name."""
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def add(self, op: str, output: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; the name of its output."""
        from onnx import helper

        self.nodes.append(helper.make_node(op, list(inputs), [output], name=output, **attributes))
        return output


Outputs = dict[str, tuple[type, list[str | int]]]  # type and shape by name


def _normalized(graph: _Graph, arrays: PolicyArrays) -> str:
    """The observations as the networks take them."""
    found = arrays.normalization
    if found is None:
        return "observations"
    centred = graph.add("Sub", "centred", "observations", graph.constant("obs_mean", found.mean))
    scaled = graph.add("Mul", "scaled", centred, graph.constant("obs_inverse_std", found.inverse_std))
    limits = [
        graph.constant(name, np.array(limit, np.float32))
        for name, limit in (("obs_low", -found.clip), ("obs_high", found.clip))
    ]
    return graph.add("Clip", "normalized", scaled, *limits)


def _network(graph: _Graph, name: str, layers: Layers, activation: str, inputs: str) -> str:
    """A multilayer perceptron; the name of its output."""
    for index, (weight, bias) in enumerate(layers):
        constants = [
            graph.constant(f"{name}.{index}.weight", weight), graph.constant(f"{name}.{index}.bias", bias)
        ]  # fmt: skip
        inputs = graph.add("Gemm", f"{name}.{index}", inputs, *constants)
        if index < len(layers) - 1:
            inputs = graph.add(_ACTIVATIONS[activation], f"{name}.{index}.activation", inputs)
    return inputs


def _action(graph: _Graph, arrays: PolicyArrays, head: str) -> Outputs:
    """The most likely action, and what it was taken from."""
    size = arrays.action.size
    if arrays.action.kind == "discrete":
        graph.add("Identity", "logits", head)
        graph.add("ArgMax", "action", head, axis=1, keepdims=0)
        return {"action": (np.int64, ["batch"]), "logits": (np.float32, ["batch", size])}
    low, high = arrays.bounds
    assert arrays.log_std is not None
    graph.add("Identity", "mean", head)
    above = graph.add("Max", "above_low", head, graph.constant("action_low", low))
    graph.add("Min", "action", above, graph.constant("action_high", high))
    graph.add("Identity", "log_std", graph.constant("actor.log_std", arrays.log_std))
    vector: tuple[type, list[str | int]] = (np.float32, ["batch", size])
    return {"action": vector, "mean": vector, "log_std": (np.float32, [size])}


def _model(graph: _Graph, arrays: PolicyArrays, outputs: Outputs, origin: Origin) -> ModelProto:
    from onnx import helper

    def declared(name: str, dtype: type, shape: list[str | int]) -> Any:
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape)

    made = helper.make_graph(
        graph.nodes,
        "policy",
        [declared("observations", np.float32, ["batch", arrays.obs_size])],
        [declared(name, dtype, shape) for name, (dtype, shape) in outputs.items()],
        graph.constants,
    )
    extra = "It counts from 0, also where the environment does not." if "logits" in outputs else ""
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ppo-cli",
        producer_version=__version__,
        doc_string=_HOW_TO_USE.format(obs_size=arrays.obs_size, extra=extra).strip(),
    )
    helper.set_model_props(model, _about(origin))
    return model


def _about(origin: Origin) -> dict[str, str]:
    return {
        "env_id": origin.env_id,
        "run": origin.run,
        "policy": origin.which,
        "algorithm": origin.algorithm,
        "seed": str(origin.seed),
        "return": origin.result,
        "ppo_version": __version__,
    }
