"""Maps of what robots have seen: surfaces with colour, free and unknown space, costs for driving."""
