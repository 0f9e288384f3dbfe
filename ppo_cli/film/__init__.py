"""Films: pictures one after the other, with words on them, as a GIF, an MP4 file or a folder of PNG files.

Here belongs what can be done with any pictures: a film is a sequence of :class:`ppo_cli.film.shots.Shot` that
is read once, and never held whole unless the format needs it. Environments and policies do not belong here:
see ``render``.
"""
