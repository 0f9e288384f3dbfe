"""The torture campaign: faults injected by the thousand, with seeds, until nothing is lost any more.

One file per class of faults, T1 to T20; each divides its work into units of a case and a seed.
``campaign.py`` does the units that are not done yet and keeps what each came to. Run it as
``python benchmarks/torture``.
"""
