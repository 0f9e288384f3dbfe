"""What is wrong with a run, as far as its logs tell: each illness a pure function of what was logged.

Here belongs what looks at numbers and says a sentence. Where it is shown does not; nor what refuses settings.
"""
