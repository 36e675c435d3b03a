"""Which points of one colour belong to one object: a small network that points from each to the object's middle."""
