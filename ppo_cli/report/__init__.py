"""What a person sees on a terminal and in plots: consoles, live views, tables, curves. No torch.

Here belongs the way from data to something Rich prints or matplotlib draws; only the commands print. What the
data are worth does not (``comparison``), nor do pages (``html``) or films (``film``).
"""
