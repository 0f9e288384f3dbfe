"""A policy as one Python file that needs NumPy and nothing else.

The file is made from :data:`_TEMPLATE`, without the lines that this policy does not need; its numbers come
last, as base64 text. Nothing from users enters it but as string literals, and a plain file name.
"""

from __future__ import annotations

import base64
import re
import textwrap
from collections.abc import Mapping
from string import Template
from typing import Any

import numpy as np

from ppo_cli.export.arrays import Array, Head, PolicyArrays
from ppo_cli.export.origin import Origin
from ppo_cli.nn.beta import LEAST_EXCESS
from ppo_cli.version import __version__

_WIDTH = 88  # the line length of common formatters
_ACTIVATIONS = {"relu": "np.maximum(x, 0)", "tanh": "np.tanh(x)"}

_TEMPLATE = Template('''\
"""A policy that ppo trained, as one file: it needs Python and NumPy, nothing else.

From a program, for one observation [$obs_size] or a batch [B, $obs_size]:

    import $module
    action = $module.predict(obs)

From a shell, where Gymnasium is installed, it plays its environment:

    python $file --episodes 5 --seed 0 --render
"""

import argparse
import base64

import numpy as np

ABOUT = $about
ENV_ID = $env_id
ENV_KWARGS = $env_kwargs

OBS_SIZE = $obs_size
NUM_LAYERS = $num_layers
SHAPES = $shapes
$clip_constant

def predict(obs, deterministic=True, rng=None):
    """$action_doc

    Args:
        obs: One observation [O] or a batch [B, O], as the environment gives them.
        deterministic: Take the most likely action, or else a sample.
        rng: A numpy.random.Generator for samples.
    """
    x = np.asarray(obs, dtype=np.float32)
    if x.ndim not in (1, 2) or x.shape[-1] != OBS_SIZE:
        raise ValueError(f"expected observations of size {OBS_SIZE}, got {x.shape}")
    x = network(x)
$read    if not deterministic:
        rng = np.random.default_rng() if rng is None else rng
        $sample
    return $action


def network(x):
    """Return what the network answers to observations: $head [..., $num_outputs]."""
$normalize    for layer in range(NUM_LAYERS):
        x = x @ NUMBERS[f"weight{layer}"] + NUMBERS[f"bias{layer}"]
        if layer < NUM_LAYERS - 1:
            x = $activation
    return x


def play(env, seed):
    """Play an episode and return its return."""
    space = env.action_space
    obs, _ = env.reset(seed=seed)
    total, ended = 0.0, False
    while not ended:
        action = $sent
        obs, reward, terminated, truncated, _ = env.step(action)
        total, ended = total + float(reward), terminated or truncated
    return total


def unpack(text):
    """Return the arrays in a text: base64 of float32, in the order of SHAPES."""
    numbers = np.frombuffer(base64.b64decode(text), dtype="<f4").astype(np.float32)
    ends = np.cumsum([int(np.prod(shape)) for shape in SHAPES.values()])
    parts = zip(SHAPES.items(), np.split(numbers, ends[:-1]))
    return {name: part.reshape(shape) for (name, shape), part in parts}


def main():
    """Play episodes and print their returns."""
    parser = argparse.ArgumentParser(description="Play a policy that ppo trained.")
    parser.add_argument("--episodes", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--render", action="store_true", help="show it in a window")
    options = parser.parse_args()
    try:
        import gymnasium as gym
    except ImportError:
        raise SystemExit("playing needs Gymnasium: pip install gymnasium") from None
    mode = "human" if options.render else None
    env = gym.make(ENV_ID, render_mode=mode, **ENV_KWARGS)
    space = env.observation_space
    if not (isinstance(space, gym.spaces.Box) and len(space.shape) == 1):
        env = gym.wrappers.FlattenObservation(env)
    returns = []
    for episode in range(options.episodes):
        returns.append(play(env, options.seed + episode))
        print(f"episode {episode + 1}: return {returns[-1]:.1f}")
    print(f"mean: {np.mean(returns):.1f}")
    env.close()


NUMBERS = unpack("""
$numbers
""")

if __name__ == "__main__":
    main()
''')


def numpy_file(arrays: PolicyArrays, origin: Origin, module: str = "policy") -> str:
    """The text of a Python file with ``predict(obs, deterministic=True)``.

    Args:
        arrays: The policy.
        origin: Where it comes from.
        module: The file's name without ``.py``, for its own examples.
    """
    numbers = _numbers(arrays)
    shapes = {name: value.shape for name, value in numbers.items()}
    packed = b"".join(np.ascontiguousarray(value, "<f4").tobytes() for value in numbers.values())
    return _TEMPLATE.substitute(
        module=module if module.isascii() and module.isidentifier() else "policy",
        file=f"{module}.py" if re.fullmatch(r"[A-Za-z0-9_.+=-]+", module) else "policy.py",
        about=_mapping(_about(origin)),
        env_id=_literal(origin.env_id),
        env_kwargs=_mapping(origin.env_kwargs),
        obs_size=arrays.obs_size,
        num_layers=len(arrays.actor),
        num_outputs=len(arrays.actor[-1][1]),
        shapes=_mapping(shapes),
        activation=_ACTIVATIONS[arrays.activation],
        numbers="\n".join(textwrap.wrap(base64.b64encode(packed).decode("ascii"), _WIDTH)),
        **_normalizing(arrays),
        **_HEADS[arrays.head],
    )


_CHOICE = {
    "read": "",
    "action_doc": "Return the number of the action, counted from 0; an array of them for a batch.",
    "head": "logits",
    "sample": "x = x + rng.gumbel(size=x.shape)  # the largest is a sample of the softmax",
    "action": "np.argmax(x, axis=-1)",
    "sent": "space.start + space.dtype.type(predict(obs))",
}
_MEAN = {
    "action_doc": "Return the action, a vector inside the bounds; an array of them for a batch.",
    "head": "means",
    "read": "",
    "sample": (
        "noise = rng.standard_normal(x.shape, dtype=np.float32)\n"
        '        x = x + np.exp(NUMBERS["log_std"]) * noise'
    ),
    "action": 'np.clip(x, NUMBERS["low"], NUMBERS["high"])',
    "sent": "predict(obs).reshape(space.shape).astype(space.dtype)",
}
_BOUNDS = '    low, high = NUMBERS["low"], NUMBERS["high"]\n'
_HEADS: dict[Head, dict[str, str]] = {
    "logits": _CHOICE,
    "mean": _MEAN,
    "squashed": _MEAN
    | {
        "head": "means before tanh",
        "read": _BOUNDS,
        "action": "np.clip(low + (high - low) * (np.tanh(x) + 1) / 2, low, high)",
    },
    "shapes": _MEAN
    | {
        "head": "pairs of numbers",
        "read": (
            f"{_BOUNDS}"
            f"    excess = np.logaddexp(0, x) + {LEAST_EXCESS!r}  # of alpha and beta over 1\n"
            "    a, b = excess[..., 0::2], excess[..., 1::2]\n"
            "    x = a / (a + b)\n"
        ),
        "sample": "x = rng.beta(1 + a, 1 + b).astype(np.float32)",
        "action": "np.clip(low + (high - low) * x, low, high)",
    },
}


def _normalizing(arrays: PolicyArrays) -> dict[str, str]:
    """The lines that normalise observations, or none."""
    normalization = arrays.normalization
    if normalization is None:
        return {"clip_constant": "", "normalize": ""}
    return {
        "clip_constant": f"CLIP_OBS = {normalization.clip!r}  # largest absolute normalised observation\n",
        "normalize": (
            '    x = (x - NUMBERS["mean"]) * NUMBERS["inverse_std"]\n'
            "    x = np.clip(x, -CLIP_OBS, CLIP_OBS)\n"
        ),
    }


def _numbers(arrays: PolicyArrays) -> dict[str, Array]:
    """All arrays of the file, by the names that its code uses."""
    numbers: dict[str, Array] = {}
    if arrays.normalization is not None:
        numbers |= {"mean": arrays.normalization.mean, "inverse_std": arrays.normalization.inverse_std}
    for index, (weight, bias) in enumerate(arrays.actor):
        numbers |= {f"weight{index}": weight, f"bias{index}": bias}
    if arrays.log_std is not None:
        numbers["log_std"] = arrays.log_std
    if arrays.action.kind == "box":
        numbers |= dict(zip(("low", "high"), arrays.bounds, strict=True))
    return numbers


def _about(origin: Origin) -> dict[str, str]:
    return {
        "run": origin.run,
        "policy": origin.which,
        "environment": origin.env_id,
        "algorithm": origin.algorithm,
        "return": origin.result,
        "written by": f"ppo {__version__}",
    }


def _mapping(values: Mapping[str, Any]) -> str:
    """A dict as a formatter would write it, an entry a line."""
    if not values:
        return "{}"
    lines = [f"    {_literal(name)}: {_literal(value)}," for name, value in values.items()]
    return "\n".join(["{", *lines, "}"])


def _literal(value: Any) -> str:
    r"""A value as a Python literal in ASCII, which is that value to the last character.

    >>> print(_literal('say "é"'), _literal("it's\n"), _literal((4, 64)), _literal(None))
    'say "\xe9"' "it's\n" (4, 64) None
    """
    text = ascii(value)
    if isinstance(value, str) and text[0] == "'" and '"' not in value:
        return f'"{text[1:-1]}"'
    return text
