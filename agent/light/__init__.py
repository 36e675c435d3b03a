"""Light demonstrations: keyframes of the expert worked out without physics, as a table of scenes."""
