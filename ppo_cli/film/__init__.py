"""Films: pictures one after the other, with words on them, as a GIF, an MP4 file or a folder of PNG files.

Nothing here knows of environments or policies. A film is a sequence of :class:`ppo_cli.film.shots.Shot` that
is read once, and never held whole unless the format needs it.
"""
