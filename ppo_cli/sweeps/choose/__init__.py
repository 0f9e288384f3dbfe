"""Which points a sweep trains next: searches ask for new ones, halving drops the worse.

Here belongs the choice among points. How their runs are trained and read does not.
"""
