"""The parts of plots: figures, axes, marks, curves. ``figure`` imports matplotlib, all else is handed axes.

Here belongs what is drawn inside a figure. Which figures there are does not (``plots``, ``compare_plots``).
"""
