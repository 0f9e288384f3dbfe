"""What a sweep will take: runs cut into populations, cores and memory dealt out, time and disk estimated.

Here belongs what is decided and tried before anything is trained. What happens then does not.
"""
