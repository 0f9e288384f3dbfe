"""A policy as an ONNX model: from a raw observation to an action, in one graph. The home of onnx, an extra.

The graph is written out node by node: an affine map and an activation per layer need no tracer. Equal
policies give equal bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ppo_cli.export.arrays import Array, Head, Layers, PolicyArrays
from ppo_cli.export.origin import Origin
from ppo_cli.nn.beta import LEAST_EXCESS
from ppo_cli.version import __version__

if TYPE_CHECKING:
    from onnx import ModelProto

# Of 2020: whatever runs ONNX today runs these, and nothing below needs a newer one.
OPSET, IR_VERSION = 13, 7
_ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh"}
_HOW_TO_USE = (
    "Give raw observations, float32 [batch, {obs_size}]; normalisation and action bounds are inside. "
    "`action` is what the policy does when it takes its most likely action. {extra}"
)
_EXTRA: dict[Head, str] = {
    "logits": "It counts from 0, also where the environment does not.",
    "mean": "",
    "squashed": "A sample u is sent as low + (high - low) * (tanh(u) + 1) / 2.",
    "shapes": "A sample x of Beta(alpha, beta) is sent as low + (high - low) * x.",
}
_SLICE = {"slice_end": np.iinfo(np.int64).max, "slice_axis": 1, "slice_step": 2}


def onnx_file(arrays: PolicyArrays, origin: Origin) -> bytes:
    """The bytes of an ONNX model.

    Its input is ``observations``, float32 ``[batch, O]``. Its outputs are

    * ``action``: int64 ``[batch]``, counted from 0, or float32 ``[batch, A]`` inside the bounds;
    * what is needed to sample: ``logits`` ``[batch, A]`` of a discrete action; ``mean`` ``[batch, A]``,
      before the bounds, and ``log_std`` ``[A]`` of a Gaussian one; ``alpha`` and ``beta`` ``[batch, A]`` of a
      Beta one;
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
    normalization = arrays.normalization
    if normalization is None:
        return "observations"
    centred = graph.add("Sub", "centred", "observations", graph.constant("obs_mean", normalization.mean))
    scaled = graph.add("Mul", "scaled", centred, graph.constant("obs_inverse_std", normalization.inverse_std))
    limits = [
        graph.constant(name, np.array(limit, np.float32))
        for name, limit in (("obs_low", -normalization.clip), ("obs_high", normalization.clip))
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
    vector: tuple[type, list[str | int]] = (np.float32, ["batch", size])
    if arrays.head == "shapes":
        _inside(graph, arrays, _scaled(graph, arrays, _peak(graph, head)))
        return {"action": vector, "alpha": vector, "beta": vector}
    assert arrays.log_std is not None
    graph.add("Identity", "mean", head)
    graph.add("Identity", "log_std", graph.constant("actor.log_std", arrays.log_std))
    if arrays.head == "squashed":
        two = graph.add("Add", "from_0_to_2", graph.add("Tanh", "bent", head), _number(graph, "one", 1))
        head = _scaled(graph, arrays, graph.add("Mul", "fraction", two, _number(graph, "half", 0.5)))
    _inside(graph, arrays, head)
    return {"action": vector, "mean": vector, "log_std": (np.float32, [size])}


def _peak(graph: _Graph, head: str) -> str:
    """Add the peak of a Beta distribution on [0, 1], and its two shapes."""
    least = _number(graph, "least_excess", LEAST_EXCESS)
    excess = graph.add("Add", "excess", graph.add("Softplus", "softplus", head), least)
    end, axis, step = (graph.constant(name, np.array([n], np.int64)) for name, n in _SLICE.items())
    least_shape, parts = _number(graph, "one", 1), []
    for index, name in enumerate(("alpha", "beta")):
        start = graph.constant(f"{name}_start", np.array([index], np.int64))
        parts.append(graph.add("Slice", f"{name}_excess", excess, start, end, axis, step))
        graph.add("Add", name, parts[-1], least_shape)
    return graph.add("Div", "fraction", parts[0], graph.add("Add", "total_excess", *parts))


def _scaled(graph: _Graph, arrays: PolicyArrays, fraction: str) -> str:
    """A fraction of the way from the lower to the upper bound."""
    low, high = arrays.bounds
    way = graph.add("Mul", "way", fraction, graph.constant("action_span", high - low))
    return graph.add("Add", "scaled_action", way, graph.constant("action_start", low))


def _inside(graph: _Graph, arrays: PolicyArrays, vector: str) -> None:
    """The action: a vector, cut off at the bounds."""
    low, high = arrays.bounds
    above = graph.add("Max", "above_low", vector, graph.constant("action_low", low))
    graph.add("Min", "action", above, graph.constant("action_high", high))


def _number(graph: _Graph, name: str, value: float) -> str:
    return graph.constant(name, np.array(value, np.float32))


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
    model = helper.make_model(
        made,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ppo-cli",
        producer_version=__version__,
        doc_string=_HOW_TO_USE.format(obs_size=arrays.obs_size, extra=_EXTRA[arrays.head]).strip(),
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
