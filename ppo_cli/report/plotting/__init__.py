"""What the plots are drawn with. Nothing here imports matplotlib: it is handed the axes to draw on."""
