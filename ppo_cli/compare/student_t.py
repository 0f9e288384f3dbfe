"""Student's t distribution for any real number of degrees of freedom."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

# Beyond it the normal approximation errs by less than 1e-11, which the cancelling logarithms of gamma do not.
_MANY_DEGREES = 1e5


def t_cdf(t: float, degrees: float) -> float:
    """Probability that a t-distributed number is below ``t``, precise however small it is.

        P(T < -|t|) = I_x(degrees / 2, 1 / 2) / 2   with   x = degrees / (degrees + t^2)

    Args:
        t: Any number; infinite ones give 0 or 1, NaN gives NaN.
        degrees: Degrees of freedom, positive, whole or not; infinitely many make it the normal distribution.

    Raises:
        ValueError: ``degrees`` is not positive.
    """
    if degrees <= 0:
        raise ValueError(f"degrees of freedom must be positive, not {degrees}")
    if math.isnan(t) or math.isnan(degrees):
        return math.nan
    tail = _lower_tail(abs(t), degrees)
    return tail if t <= 0 else 1 - tail


def t_quantile(probability: float, degrees: float) -> float:
    """The t below which ``probability`` lies; that of 0.975 is half of a 95 % interval, in standard errors.

    Raises:
        ValueError: ``probability`` is not between 0 and 1, or ``degrees`` is not positive.
    """
    if not 0 < probability < 1:
        raise ValueError(f"a probability must be between 0 and 1, not {probability}")
    if math.isnan(degrees):
        return math.nan
    if probability == 0.5:
        return 0.0
    tail = min(probability, 1 - probability)
    low, high = 0.0, 1.0
    while t_cdf(-high, degrees) > tail:
        low, high = high, 2 * high
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if t_cdf(-middle, degrees) > tail else (low, middle)
    return -high if probability < 0.5 else high


def _lower_tail(t: float, degrees: float) -> float:
    """P(T < -t) for t >= 0."""
    if math.isinf(t):
        return 0.0
    if degrees > _MANY_DEGREES:
        return _nearly_normal_tail(t, degrees)
    ratio = t * (t / degrees)
    if math.isinf(ratio):
        return 0.0
    if ratio == 0:
        return 0.5
    a, b, x = degrees / 2, 0.5, 1 / (1 + ratio)
    log_powers = (math.log(ratio) - (degrees + 1) * math.log1p(ratio)) / 2
    log_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    powers = math.exp(log_powers - log_beta)  # x^a (1 - x)^b / B(a, b)
    if x < (a + 1) / (a + b + 2):
        return powers * _beta_fraction(x, a, b) / (2 * a)
    return 0.5 - powers * _beta_fraction(ratio * x, b, a) / (2 * b)


def _beta_fraction(x: float, a: float, b: float) -> float:
    """Continued fraction of the incomplete beta function (DLMF 8.17.22), by Lentz's method.

    I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) times this.
    """
    value, upper, lower = 1.0, 1.0, 0.0
    for coefficient in _beta_coefficients(x, a, b):
        lower = 1 / (1 + coefficient * lower)
        upper = 1 + coefficient / upper
        value *= upper * lower
        if abs(upper * lower - 1) < 1e-15:
            break
    return 1 / value


def _beta_coefficients(x: float, a: float, b: float) -> Iterator[float]:
    for m in itertools.count():
        yield -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        yield (m + 1) * (b - m - 1) * x / ((a + 2 * m + 1) * (a + 2 * m + 2))


def _nearly_normal_tail(t: float, degrees: float) -> float:
    """P(T < -t) for many degrees of freedom (Wallace 1959, "Bounds on normal approximations")."""
    if math.isinf(degrees):
        return math.erfc(t / math.sqrt(2)) / 2
    z = (8 * degrees + 1) / (8 * degrees + 3) * math.sqrt(degrees * math.log1p(t * t / degrees))
    return math.erfc(z / math.sqrt(2)) / 2
