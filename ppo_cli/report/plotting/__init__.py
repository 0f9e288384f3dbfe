"""What the plots are drawn with. ``figure`` imports matplotlib; everything else is handed the axes."""
