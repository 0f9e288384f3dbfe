"""A trained policy in other programs' formats: ONNX, Stable-Baselines3, one file of NumPy, a model card.

``arrays`` lays the policy out as plain arrays and ``origin`` says where it comes from; from these two each
format is made by a module of its own, which is also the only one to import that format's library.

Here belongs what leaves this program for good. Our own files of policies do not: see ``play``.
"""
