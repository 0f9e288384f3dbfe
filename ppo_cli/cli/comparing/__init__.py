"""What ``ppo compare`` shows: tables, curves and a verdict on the screen, and the plot beside them.

Here belongs the order in which a comparison is told. What is compared and how it is drawn does not.
"""
