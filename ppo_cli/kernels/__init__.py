"""The arithmetic of training, compiled: networks, losses and environments' steps in C, called through ctypes.

Here belongs what works on arrays and is held by tests to what ``nn``, ``learn`` and Gymnasium give. Settings
do not, nor does anything that only exists here: without the library everything is done in torch.
"""
