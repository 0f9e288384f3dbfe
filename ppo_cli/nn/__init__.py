"""Batched networks: every function works on all members at once, the member axis first."""
