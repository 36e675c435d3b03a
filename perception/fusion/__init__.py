"""Evidence of several sensors about one object, fused: classical and learned, one config choice each."""
