"""What a person sees: consoles, the live view, tables. Data in, renderables out; only the commands print."""
