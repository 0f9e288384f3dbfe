"""LunarLander's world at the start of an episode, with less Python, to the same bits as Gymnasium's reset.

Most of a reset goes into Box2D's Python layer: definitions of bodies, shapes and joints made from keywords,
one property after the other. They are the same in every episode, but for the moon's heights: here they are
made once. What is only for drawing (colours, the sky) is left out.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import gymnasium as gym
from Box2D import (  # type: ignore[import-untyped]
    b2_dynamicBody,
    b2_staticBody,
    b2BodyDef,
    b2EdgeShape,
    b2FixtureDef,
    b2PolygonShape,
    b2RevoluteJointDef,
    b2World,
)
from gymnasium.envs.box2d.lunar_lander import (
    INITIAL_RANDOM,
    LANDER_POLY,
    LEG_AWAY,
    LEG_DOWN,
    LEG_H,
    LEG_SPRING_TORQUE,
    LEG_W,
    SCALE,
    VIEWPORT_H,
    VIEWPORT_W,
    ContactDetector,
)

_WIDTH, _HEIGHT = VIEWPORT_W / SCALE, VIEWPORT_H / SCALE
_CHUNKS = 11
_CHUNK_X = [_WIDTH / (_CHUNKS - 1) * i for i in range(_CHUNKS)]
_PAD = _CHUNKS // 2  # the landing pad lies around this point, two chunks wide
_PAD_Y = _HEIGHT / 4
_SIDES = (-1, +1)
_GROUND_BITS, _LANDER_BITS, _LEG_BITS = 0x001, 0x0010, 0x0020  # lander and legs meet the ground only


class _Parts:
    """The definitions that every world is made of. Box2D copies what it is given."""

    def __init__(self) -> None:
        self.moon = b2BodyDef(type=b2_staticBody)
        self.bottom = b2FixtureDef(shape=b2EdgeShape(vertices=[(0, 0), (_WIDTH, 0)]))
        self.edge = b2EdgeShape()
        self.slope = b2FixtureDef(shape=self.edge, density=0, friction=0.1)
        self.lander = b2BodyDef(type=b2_dynamicBody, position=(_WIDTH / 2, _HEIGHT), angle=0.0)
        hull = b2PolygonShape(vertices=[(x / SCALE, y / SCALE) for x, y in LANDER_POLY])
        self.hull = b2FixtureDef(
            shape=hull, density=5.0, friction=0.1, categoryBits=_LANDER_BITS, maskBits=_GROUND_BITS,
            restitution=0.0,
        )  # fmt: skip
        self.legs = [
            b2BodyDef(
                type=b2_dynamicBody, position=(_WIDTH / 2 - i * LEG_AWAY / SCALE, _HEIGHT), angle=i * 0.05
            )
            for i in _SIDES
        ]
        self.leg = b2FixtureDef(
            shape=b2PolygonShape(box=(LEG_W / SCALE, LEG_H / SCALE)), density=1.0, restitution=0.0,
            categoryBits=_LEG_BITS, maskBits=_GROUND_BITS,
        )  # fmt: skip
        self.joints = [_joint(i) for i in _SIDES]


def _joint(side: int) -> Any:
    """How a leg hangs on the lander: it springs back within half a radian."""
    lower, upper = (0.9 - 0.5, 0.9) if side < 0 else (-0.9, -0.9 + 0.5)
    return b2RevoluteJointDef(
        localAnchorA=(0, 0), localAnchorB=(side * LEG_AWAY / SCALE, LEG_DOWN / SCALE), enableMotor=True,
        enableLimit=True, maxMotorTorque=LEG_SPRING_TORQUE, motorSpeed=0.3 * side, lowerAngle=lower,
        upperAngle=upper,
    )  # fmt: skip


@cache
def _parts() -> _Parts:
    return _Parts()


def build_world(env: Any, seed: int | None) -> None:
    """Do what ``LunarLander.reset`` does before its first step, where nothing is drawn and no wind blows.

    Args:
        env: A LunarLander.
        seed: As for ``reset``.
    """
    gym.Env.reset(env, seed=seed)
    if env.world is not None and env.moon is not None:
        env.world.contactListener = None
    parts, random = _parts(), env.np_random
    world = b2World(gravity=(0, env.gravity))
    world.contactListener_keepref = world.contactListener = ContactDetector(env)  # type: ignore[no-untyped-call]
    env.game_over = False
    env.helipad_x1, env.helipad_x2, env.helipad_y = _CHUNK_X[_PAD - 1], _CHUNK_X[_PAD + 1], _PAD_Y
    env.moon = _build_moon(parts, world, random.uniform(0, _HEIGHT / 2, size=(_CHUNKS + 1,)).tolist())
    lander = world.CreateBody(parts.lander)
    lander.CreateFixture(parts.hull)
    # uniform(-1000, 1000) gives the same bits, more slowly.
    push_x = -INITIAL_RANDOM + 2 * INITIAL_RANDOM * random.random()
    push_y = -INITIAL_RANDOM + 2 * INITIAL_RANDOM * random.random()
    lander.ApplyForceToCenter((push_x, push_y), True)
    env.lander = lander
    env.legs = [
        _build_leg(parts, world, lander, *definitions)
        for definitions in zip(parts.legs, parts.joints, strict=True)
    ]
    env.world = world


def _build_moon(parts: _Parts, world: Any, heights: list[float]) -> Any:
    """A bottom, and slopes between the smoothed heights, level around the landing pad."""
    heights[_PAD - 2 : _PAD + 3] = [_PAD_Y] * 5
    smooth = [0.33 * (heights[i - 1] + heights[i] + heights[i + 1]) for i in range(_CHUNKS)]
    moon = world.CreateBody(parts.moon)
    moon.CreateFixture(parts.bottom)
    for i in range(_CHUNKS - 1):
        parts.edge.vertex1 = (_CHUNK_X[i], smooth[i])
        parts.edge.vertex2 = (_CHUNK_X[i + 1], smooth[i + 1])
        moon.CreateFixture(parts.slope)
    return moon


def _build_leg(parts: _Parts, world: Any, lander: Any, body: Any, joint: Any) -> Any:
    leg = world.CreateBody(body)
    leg.CreateFixture(parts.leg)
    leg.ground_contact = False
    joint.bodyA, joint.bodyB = lander, leg
    joint.referenceAngle = leg.angle - lander.angle
    leg.joint = world.CreateJoint(joint)
    return leg
