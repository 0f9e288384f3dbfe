"""One guard around environments that are not Gymnasium's own: whatever they do wrong is one kind of error.

A user's environment may raise, call ``sys.exit``, hang, or give something else than it declares, in any of
its methods and wherever it is used: in training, evaluation, worker processes, sweeps and films. From here
comes a ``UsageError`` that names the environment, the call and what was wrong with it.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ppo_cli.envs.undisturbed import own_signals, undisturbed
from ppo_cli.errors import PpoError, UsageError

Array = NDArray[Any]

CALL_SECONDS = 300.0
"""How long one call of an environment may take. Code in C that does not come back cannot be interrupted; a
second Ctrl-C ends that."""

CLOSE_SECONDS = 10.0
"""How long closing may take; of an environment that takes longer, no other is closed."""

_never_close: set[str] = set()
_NUMBERS = "fiub"  # kinds of NumPy types that are real numbers
_OLD_API = (
    "Gymnasium's API is meant: reset(seed=None, options=None) gives (observation, info), and step(action) "
)
_OLD_API += "gives (observation, reward, terminated, truncated, info)"


class TooLongError(BaseException):
    """A call took longer than ``CALL_SECONDS``; no ``except Exception`` of the environment stops it."""


FAULTS = (Exception, SystemExit, TooLongError)
"""What an environment's own code may raise. Ctrl-C is not among it."""


def env_fault(env_id: str, call: str, error: BaseException) -> UsageError:
    """The error for an exception of the environment's own code.

    Args:
        env_id: The environment.
        call: What was called, as in ``reset(seed=1)``.
        error: What it raised.
    """
    if isinstance(error, TooLongError):
        what, hint = (
            f"has not come back from {call} after {CALL_SECONDS:.0f} seconds",
            "it waits for something",
        )
        return UsageError(f"{env_id} {what}", hint=f"the fault is in the environment: {hint}", key="env_id")
    hint = "the fault is in the environment, or in env_kwargs"
    if isinstance(error, TypeError) and call.startswith("reset") and "unexpected keyword" in str(error):
        hint = _OLD_API
    text = f"{env_id} failed in {call}: {type(error).__name__}: {first_line(error)}"
    return UsageError(text, hint=hint, key="env_id")


def first_line(error: BaseException) -> str:
    """The environment's complaint, without what ``gym.make`` adds behind it."""
    text = str(error).splitlines()[0] if str(error) else "(no message)"
    return text.split(" was raised from the environment creator", 1)[0]


@contextlib.contextmanager
def calling(env_id: str, call: str) -> Iterator[None]:
    """Turn what the environment's own code raises into its fault, and undo what it does to this process.

    Args:
        env_id: The environment.
        call: What is called, as in ``reset(seed=1)``.

    Raises:
        UsageError: It raised something, or took too long.
    """
    try:
        with guarding():
            yield
    except PpoError:  # it may be made of parts of ours, which tell their faults themselves
        raise
    except FAULTS as error:
        raise env_fault(env_id, call, error) from error


@contextlib.contextmanager
def guarding() -> Iterator[None]:
    """Run code of the user's that is called seldom: undo what it does to this process, end it if it hangs.

    Raises:
        TooLongError: It took too long.
    """
    with undisturbed(), own_signals(), limited():
        yield


class stepping:  # noqa: N801 (as ``limited``)
    """The same for code that is called at every step, without what costs much; used again and again."""

    def __init__(self) -> None:
        self._undisturbed, self._limited = undisturbed(), limited()

    def __enter__(self) -> None:
        """Begin to wait."""
        self._undisturbed.__enter__()
        self._limited.__enter__()

    def __exit__(self, *error: object) -> None:
        """Stop waiting, and put back what has changed."""
        self._limited.__exit__(*error)
        self._undisturbed.__exit__(*error)


class limited:  # noqa: N801 (used as contextlib's own are; a class, because it is entered at every step)
    """Raise ``TooLongError`` in the block when it takes too long; in the main thread.

    Args:
        seconds: How long is too long; None for ``CALL_SECONDS``.
    """

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = seconds

    def __enter__(self) -> None:
        """Begin to wait."""
        self._before: Any = None
        if threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
            self._before = signal.signal(signal.SIGALRM, _too_long)
            self._timer = signal.setitimer(signal.ITIMER_REAL, self._seconds or CALL_SECONDS, 1.0)

    def __exit__(self, *_: object) -> None:
        """Stop waiting; a timer from before goes on."""
        if self._before is not None:
            signal.setitimer(signal.ITIMER_REAL, *self._timer)
            signal.signal(signal.SIGALRM, self._before)


def _too_long(signum: int, frame: FrameType | None) -> None:
    del signum, frame
    raise TooLongError("it has not come back")


class Guarded(gym.Wrapper[Any, Any, Any, Any]):
    """An environment whose answers are what they should be, or a ``UsageError`` that says what they are.

    Exceptions are not caught in :meth:`step`, which would cost each step: who calls it does, with ``FAULTS``.

    Attributes:
        env_id: See below.

    Args:
        env: The environment.
        env_id: Its id, for messages.
    """

    def __init__(self, env: gym.Env[Any, Any], env_id: str) -> None:
        super().__init__(env)
        self.env_id = env_id
        self._shape = env.observation_space.shape

    @property
    def spec(self) -> Any:  # type: ignore[override]  # Gymnasium's own wrappers make it a property too
        """What Gymnasium knows of it: there is nothing more to make it from."""
        return self.env.spec

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Array, Any]:
        """Reset the environment; the observation is float32 of the declared shape."""
        with calling(self.env_id, f"reset(seed={seed})"):
            given = {} if options is None else {"options": options}
            result: Any = self.env.reset(seed=seed, **given)
            if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
                raise self._fault("reset()", f"gives {_kind(result)}, not (observation, info)", _OLD_API)
            return self._vector(result[0], "reset()"), result[1]

    def step(self, action: Any) -> tuple[Array, float, bool, bool, Any]:
        """Step the environment; observation as in :meth:`reset`, a number, two truth values."""
        result: Any = self.env.step(action)
        if not isinstance(result, tuple) or len(result) != 5:
            raise self._fault("step()", f"gives {_kind(result)}, not five values", _OLD_API)
        obs, reward, terminated, truncated, info = result
        obs = self._vector(obs, "step()")
        if type(reward) is not float:
            reward = self._number(reward)
        if type(terminated) is not bool:
            terminated = self._flag(terminated, "terminated")
        if type(truncated) is not bool:
            truncated = self._flag(truncated, "truncated")
        return obs, reward, terminated, truncated, info

    def render(self) -> Any:
        """A picture, or whatever the environment takes for one."""
        with calling(self.env_id, "render()"):
            return self.env.render()

    def close(self) -> None:
        """Close the environment. If that fails, nothing that was done with it is worse for it."""
        if self.env_id in _never_close:
            return
        try:
            with undisturbed(), limited(min(CLOSE_SECONDS, CALL_SECONDS)):
                self.env.close()
        except TooLongError:
            _never_close.add(self.env_id)
        except FAULTS:
            pass

    def _vector(self, obs: Any, call: str) -> Array:
        array = obs if type(obs) is np.ndarray else _array(obs)
        if array is None or array.dtype.kind not in _NUMBERS:
            raise self._fault(call, f"gives an observation of {_kind(obs)}", "it should hold real numbers")
        if array.shape != self._shape:
            text = f"gives an observation of shape {array.shape} but declares {self._shape}"
            raise self._fault(call, text, "correct the environment's observation_space, or what it gives")
        if array.dtype == np.float32:
            return array
        with np.errstate(over="ignore"):  # what becomes infinite is told by who looks for that
            return array.astype(np.float32)

    def _number(self, reward: Any) -> float:
        array = _array(reward)
        if array is None or array.dtype.kind not in _NUMBERS or array.size != 1:
            raise self._fault("step()", f"gives a reward of {_kind(reward)}", "it should be a number")
        return float(array.item())

    def _flag(self, value: Any, name: str) -> bool:
        array = _array(value)
        if array is None or array.dtype.kind not in _NUMBERS or array.size != 1:
            raise self._fault("step()", f"gives {_kind(value)} for {name}", "it should be True or False")
        return bool(array.item())

    def _fault(self, call: str, text: str, hint: str) -> UsageError:
        return UsageError(f"{self.env_id}: {call} {text}", hint=hint, key="env_id")


def check_finite(env_id: str, call: str, obs: Array, rewards: Array) -> None:
    """Refuse numbers that are no numbers, as the environment's fault.

    Args:
        env_id: The environment.
        call: What was called.
        obs: Observations [R, O].
        rewards: Rewards [R].

    Raises:
        UsageError: An observation or reward is NaN or infinite.
    """
    if np.isfinite(obs).all() and np.isfinite(rewards).all():
        return
    what, values = ("an observation", obs) if not np.isfinite(obs).all() else ("a reward", rewards)
    raise UsageError(
        f"{env_id}: {call} gives {what} that is {values[~np.isfinite(values)][0]}",
        hint="the fault is in the environment, or in env_kwargs: its numbers have to be finite",
        key="env_id",
    )


def _array(value: Any) -> Array | None:
    try:
        return np.asarray(value)
    except Exception:  # lists of different lengths, or an object that cannot be looked at
        return None


def _kind(value: Any) -> str:
    """A value in words that are short whatever it is."""
    if value is None:
        return "None"
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {value.shape}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, str | bool | int | float | complex):
        return f"{type(value).__name__} {repr(value)[:40]}"
    return type(value).__name__
