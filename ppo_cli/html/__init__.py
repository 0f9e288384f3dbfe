"""Pages: one self-contained HTML file about a run, groups of runs or a sweep. The home of Bokeh. No torch.

Folders are read into a :class:`ppo_cli.html.content.Report` (``story``, ``sweep_story``), which is plain text
and numbers; ``page`` puts it into the template. Text of users and files is escaped there, by Jinja2, in every
place; inside scripts it is JSON that no tag can end.

Here belongs what a page says and how it looks. What numbers are worth does not (``comparison``), nor
what a terminal shows (``report``).
"""
