"""Playing episodes before a camera: policies in, films out.

    Scene      a player and its environment: a trained policy, a kept one, or chance   scene.py
    Script     which episodes are shown, and how                                       script.py
    Act        scenes that begin together, side by side                                script.py
    Shooting   the acts as pictures: drawn, scaled, written on, arranged               camera.py

An episode is played twice: first without a picture, which tells its return and length and costs little, then
drawn. So the best of many can be chosen without drawing them all.

Here belongs what turns a policy into pictures of it. What is done with pictures does not: that is ``film``'s.
"""
